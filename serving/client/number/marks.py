"""Marks on paper: ink that hangs together."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int32]

SPECK: Final = 0.15
"""Marks shorter than this share of the tallest one, both ways, are too small for a part of a digit;
the bar of a 5 is longer."""
_FRAME: Final = (0.8, 0.2)
"""A mark over 4/5 of the picture both ways, with ink on less than a fifth of it, is a frame."""
_IN_A_LINE: Final = 0.5
"""Over the tallest mark: marks as tall decide how many lines there are."""


@dataclass(frozen=True)
class Box:
    """A rectangle of the picture in its pixels; right and bottom are one past the last."""

    left: int
    top: int
    right: int
    bottom: int

    def scaled(self, scale: float) -> "Box":
        """The same rectangle in a picture that many times as large."""
        corners = (self.left, self.top, self.right, self.bottom)
        return Box(*(round(scale * corner) for corner in corners))


@dataclass(frozen=True)
class Mark:
    """Ink that hangs together, or several such that make one digit."""

    labels: tuple[int, ...]
    box: Box
    area: int

    @property
    def width(self) -> int:
        """In pixels."""
        return self.box.right - self.box.left

    @property
    def height(self) -> int:
        """In pixels."""
        return self.box.bottom - self.box.top

    @property
    def thickness(self) -> float:
        """About the width of the pen, in pixels: exact for a bar, more for a curve."""
        return self.area / (self.width + self.height)

    @property
    def longest(self) -> int:
        """The longer side, in pixels."""
        return max(self.width, self.height)


def find_marks(mask: NDArray[np.bool_]) -> tuple[Labels, list[Mark]]:
    """Label the connected components of a mask, corners included, without what surrounds them.

    Returns:
        int32 [h, w], 0 where no ink is; and the marks.
    """
    labels, marks = _label(mask)
    return labels, _without_surroundings(marks, mask.shape)


def find_lines(marks: list[Mark]) -> int:
    """How many lines of digits there are: tall marks with empty rows between them."""
    tall = _IN_A_LINE * max(mark.height for mark in marks)
    lines, bottom = 0, -1
    for mark in sorted((m for m in marks if m.height >= tall), key=lambda mark: mark.box.top):
        lines += mark.box.top >= bottom
        bottom = max(bottom, mark.box.bottom)
    return lines


def join(one: Mark, two: Mark) -> Mark:
    """Both marks as one."""
    a, b = one.box, two.box
    box = Box(
        min(a.left, b.left), min(a.top, b.top), max(a.right, b.right), max(a.bottom, b.bottom)
    )
    return Mark(one.labels + two.labels, box, one.area + two.area)


def _label(mask: NDArray[np.bool_]) -> tuple[Labels, list[Mark]]:
    runs = list(_runs(mask))
    parent = list(range(len(runs)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = run = parent[parent[run]]
        return run

    above = 0  # the first run that may touch this one from the row above
    for number, (top, start, stop) in enumerate(runs):
        while runs[above][0] < top - 1 or (runs[above][0] == top - 1 and runs[above][2] < start):
            above += 1
        other = above
        while runs[other][0] == top - 1 and runs[other][1] <= stop:
            parent[root(number)] = root(other)
            other += 1
    labels = np.zeros(mask.shape, np.int32)
    boxes: dict[int, tuple[int, int, int, int, int]] = {}
    for number, (top, start, stop) in enumerate(runs):
        label = root(number) + 1
        labels[top, start:stop] = label
        left, first, right, last, area = boxes.get(label, (start, top, stop, top, 0))
        boxes[label] = (
            min(left, start),
            first,
            max(right, stop),
            max(last, top + 1),
            area + stop - start,
        )
    return labels, [Mark((label,), Box(*box[:4]), box[4]) for label, box in boxes.items()]


def _runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Row, first column and one past the last of every row's stretches of ink."""
    edges = np.diff(mask.astype(np.int8), axis=1, prepend=0, append=0)
    starts, stops = np.argwhere(edges == 1), np.argwhere(edges == -1)
    yield from zip(starts[:, 0].tolist(), starts[:, 1].tolist(), stops[:, 1].tolist(), strict=True)


def _without_surroundings(marks: list[Mark], shape: tuple[int, ...]) -> list[Mark]:
    """Without a frame, or a desk around the sheet, unless nothing else is there."""
    height, width = shape

    def surrounds(mark: Mark) -> bool:
        if (mark.width, mark.height) == (width, height):
            return True
        spans = mark.width >= _FRAME[0] * width and mark.height >= _FRAME[0] * height
        return spans and mark.area < _FRAME[1] * mark.width * mark.height

    inside = [mark for mark in marks if not surrounds(mark)]
    if len(inside) == len(marks):
        return marks
    longest = SPECK * max(mark.longest for mark in marks)
    return [mark for mark in inside if mark.longest >= longest] or marks
