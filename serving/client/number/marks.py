"""Marks on paper: connected ink, strokes put together to digits, and the signs between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int32]

_SPECK: Final = 0.15
"""Marks shorter than this share of the tallest one, both ways, are too small for a part of a digit;
the bar of a 5 is longer."""
_PEN: Final = 0.6
"""Marks shorter than this share of the pen's width, both ways, are dirt."""
_SIGN: Final = 0.4
"""Marks no taller than this share of the tallest digit are signs: a point, a comma, a minus."""
_BESIDE: Final = 0.6
"""Over the line's height: a sign is no farther from a digit, nor below the line."""
_FLAT: Final = 1.6
"""Width over height from which a sign is a minus."""
_UPRIGHT: Final = 1.5
"""Height over width from which a low sign is a comma."""
_LOW: Final = 0.65
"""A sign whose middle is below this share of the line's height stands on the line."""
_FRAME: Final = (0.8, 0.2)
"""A mark over 4/5 of the picture both ways, with ink on less than a fifth of it, is a frame."""
_OVERLAP: Final = (0.5, 0.9)
"""Marks above each other belong to one digit if they share this much of the narrower one's width;
two tall ones, the second."""
_TALL: Final = 0.75
"""Over the tallest mark: a whole digit rather than a part of one."""
_IN_A_LINE: Final = 0.5
"""Over the tallest mark: marks as tall decide how many lines there are."""


class Sign(StrEnum):
    """A mark too small for a digit, as it is written in a number."""

    POINT = "."
    COMMA = ","
    MINUS = "-"
    OTHER = "·"


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


def sort_marks(marks: list[Mark]) -> tuple[list[Mark], list[tuple[Sign, Mark]]]:
    """Tell digits from signs and dirt, both from left to right; the strokes of a digit together."""
    tallest = max(marks, key=lambda mark: mark.longest)
    pen = tallest.area / (tallest.width + tallest.height)
    parts = [mark for mark in marks if mark.longest >= _SPECK * tallest.longest]
    specks = [mark for mark in marks if mark.longest < _SPECK * tallest.longest]
    groups = _group(parts)
    tall = max(mark.height for mark in groups)
    digits = [group for group in groups if group.height > _SIGN * tall]
    small = [group for group in groups if group.height <= _SIGN * tall]
    small += [speck for speck in specks if speck.longest >= _PEN * pen]
    top, bottom = min(d.box.top for d in digits), max(d.box.bottom for d in digits)
    beside = [mark for mark in small if _is_beside(mark, digits, top, bottom)]
    ordered = sorted(beside, key=lambda mark: mark.box.left)
    return digits, [(_sign(mark, top, bottom), mark) for mark in ordered]


def _is_beside(mark: Mark, digits: list[Mark], top: int, bottom: int) -> bool:
    """Whether a mark stands on the line of the digits, near one, but not above, below or inside."""
    middle, reach = (mark.box.left + mark.box.right) / 2, _BESIDE * (bottom - top)
    if mark.box.bottom < top or mark.box.top > bottom + reach:
        return False
    if any(digit.box.left <= middle < digit.box.right for digit in digits):
        return False
    return any(digit.box.left - reach <= middle < digit.box.right + reach for digit in digits)


def _sign(mark: Mark, top: int, bottom: int) -> Sign:
    middle = ((mark.box.top + mark.box.bottom) / 2 - top) / (bottom - top)
    if mark.width >= _FLAT * mark.height:
        return Sign.MINUS if middle < _LOW else Sign.OTHER
    if middle < _LOW:
        return Sign.OTHER
    return Sign.COMMA if mark.height >= _UPRIGHT * mark.width else Sign.POINT


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
    longest = _SPECK * max(mark.longest for mark in marks)
    return [mark for mark in inside if mark.longest >= longest] or marks


def _group(marks: list[Mark]) -> list[Mark]:
    """Put the strokes of a digit together, from left to right."""
    tall = _TALL * max(mark.height for mark in marks)
    groups: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.box.left, mark.box.top)):
        for place, group in enumerate(groups):
            shared = min(mark.box.right, group.box.right) - max(mark.box.left, group.box.left)
            if shared >= _OVERLAP[mark.height >= tall and group.height >= tall] * min(
                mark.width, group.width
            ):
                groups[place] = join(group, mark)
                break
        else:
            groups.append(mark)
    merged = sorted(groups, key=lambda mark: mark.box.left)
    return merged if len(merged) == len(marks) else _group(merged)
