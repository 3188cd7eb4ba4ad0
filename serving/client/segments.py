"""Find the digits of a number in a picture: which ink belongs together, and where it may be cut.

Plain NumPy and Pillow, so that a client needs no more. Where digits touch, the picture alone does
not say how many they are; places to cut are offered, and the model's answers decide
(`serving.client.number`).
"""

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits.contract import DRAWING_MAX_PIXELS, PIXEL_MAX, Problem
from serving.client.errors import TooManyDigitsError

Ink = NDArray[np.float32]
Labels = NDArray[np.int32]

MAX_DIGITS: Final = 32
"""That one picture may have; a photo of a whole page is no number."""
_MOST_MARKS: Final = 8 * MAX_DIGITS
"""More are not even put together."""
_ENOUGH_PIXELS: Final = 250_000
"""Larger pictures are shrunk to this first; a digit of a long number is still a hundred pixels
tall."""
_POINTS: Final = 4096
"""Pixels that the paper's colour is fitted to."""
_FAINTEST: Final = 24.0
"""Contrast to the paper (of 255) below which nothing is ink. Source:
trainer/preprocessing/ink.py."""
_STRONG: Final = (0.25, 0.5)
"""Ink is at least this share of the strongest contrast: on clean paper, and at most on noisy paper.
Source: trainer/preprocessing/ink.py."""
_NOISE: Final = 6.0
"""Median distances from the paper above which something is ink: four standard deviations of normal
noise."""
_SPECK: Final = 0.15
"""Marks shorter than this share of the tallest one, both ways, are specks; the bar of a 5 is
longer."""
_FRAME: Final = (0.8, 0.2)
"""A mark over 4/5 of the picture both ways, with ink on less than a fifth of it, is a frame."""
_OVERLAP: Final = (0.5, 0.9)
"""Marks above each other belong to one digit if they share this much of the narrower one's width;
two tall ones, the second."""
_TALL: Final = 0.75
"""Of the tallest mark: a whole digit rather than a part of one."""
_APART: Final = 0.12
"""Of the number's height: two cuts are no nearer; a 1 is that wide."""
_WIDEST: Final = 1.3
"""Of the number's height: no digit is wider."""
_CUTS: Final = 7
"""Places to cut that are tried in one group, the thinnest ones."""


@dataclass(frozen=True)
class Box:
    """A rectangle of the picture in its pixels; right and bottom are one past the last."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Part:
    """What may be one digit: where it is, and a PNG of it alone, black on white."""

    box: Box
    png: bytes


@dataclass(frozen=True, eq=False)
class Group:
    """Ink that hangs together: one digit, or several that touch."""

    ink: Ink
    """Of these marks alone, float32 [h, w], 0..1."""
    left: int
    top: int
    """Where its corner is, in pixels of the shrunk picture."""
    tall: int
    """Height of the tallest group of the number, in the same pixels."""
    scale: float
    """Pixels of the picture for one of those."""

    @property
    def width(self) -> float:
        """Over the number's height."""
        return float(self.ink.shape[1] / self.tall)

    def whole(self) -> Part:
        """All of it."""
        return self.part(0, self.ink.shape[1])

    def edges(self) -> list[int]:
        """The columns where it may be cut, ends included: where a column has less ink than its
        neighbours."""
        profile = np.convolve(self.ink.sum(axis=0), (0.25, 0.5, 0.25), mode="same")
        reach = max(1, int(_APART * self.tall))
        width = len(profile)
        cuts: list[int] = []
        for column in np.argsort(profile, kind="stable").tolist():
            near = profile[max(0, column - reach // 2) : column + reach // 2 + 1]
            if profile[column] == near.min() and all(
                abs(column - other) >= reach for other in (0, width, *cuts)
            ):
                cuts.append(column)
        return [0, *sorted(cuts[:_CUTS]), width]

    def parts(self) -> dict[tuple[int, int], Part]:
        """What may be a digit between two of the edges, by their numbers; and the whole, however
        wide."""
        edges = self.edges()
        whole = (0, len(edges) - 1)

        def may_be_one(pair: tuple[int, int]) -> bool:
            start, stop = edges[pair[0]], edges[pair[1]]
            return pair == whole or (
                stop - start <= _WIDEST * self.tall and bool(self.ink[:, start:stop].any())
            )

        pairs = filter(may_be_one, itertools.combinations(range(len(edges)), 2))
        return {(i, j): self.part(edges[i], edges[j]) for i, j in pairs}

    def part(self, start: int, stop: int) -> Part:
        """The columns from `start` up to `stop` as a drawing of their own."""
        ink = self.ink[:, start:stop]
        rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
        tight = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        sheet = np.pad(
            PIXEL_MAX - np.round(PIXEL_MAX * tight).astype(np.uint8),
            4 + max(tight.shape) // 8,
            constant_values=PIXEL_MAX,
        )
        file = io.BytesIO()
        Image.fromarray(sheet).save(file, "PNG")
        left, top = self.left + start + columns[0], self.top + rows[0]
        corners = (left, top, left + tight.shape[1], top + tight.shape[0])
        return Part(
            Box(*(round(self.scale * float(corner)) for corner in corners)), file.getvalue()
        )


@dataclass(frozen=True, eq=False)
class Segments:
    """What of a picture may be digits."""

    width: int
    height: int
    """Of the picture, in pixels; 0 where it cannot be read."""
    groups: tuple[Group, ...]
    """From left to right."""
    problem: Problem


@dataclass(frozen=True)
class _Mark:
    """Ink that hangs together, or several such that make one digit."""

    labels: tuple[int, ...]
    box: Box
    area: int

    @property
    def width(self) -> int:
        return self.box.right - self.box.left

    @property
    def height(self) -> int:
        return self.box.bottom - self.box.top


def find_digits(picture: bytes) -> Segments:
    """Part the ink of a picture with one line of digits.

    Args:
        picture: a PNG or JPEG, ink dark or bright, paper plain, transparent or unevenly lit.

    Returns:
        The groups, or none and the problem.

    Raises:
        TooManyDigitsError: there are more than `MAX_DIGITS`.
    """
    image = _open(picture)
    if isinstance(image, Problem):
        return Segments(0, 0, (), image)
    width, height = image.size
    shrink = min(1.0, (_ENOUGH_PIXELS / (width * height)) ** 0.5)
    ink, least = _find_ink(_smaller(image, shrink))
    if not least:
        return Segments(width, height, (), Problem.BLANK)
    labels, marks = _label(ink >= least)
    marks = _without_specks(marks, ink.shape)
    marks = _group(marks) if len(marks) <= _MOST_MARKS else marks
    if len(marks) > MAX_DIGITS:
        raise TooManyDigitsError(
            f"expected at most {MAX_DIGITS} digits in a picture; received {len(marks)} marks; cut "
            "out the number"
        )
    tall = max(mark.height for mark in marks)
    soft = np.where(ink >= least / 2, ink, 0) / ink.max()
    groups = (
        Group(_alone(mark, soft, labels), mark.box.left, mark.box.top, tall, 1 / shrink)
        for mark in marks
    )
    return Segments(width, height, tuple(groups), Problem.NONE)


def _open(picture: bytes) -> Image.Image | Problem:
    try:
        image: Image.Image = Image.open(io.BytesIO(picture), formats=("PNG", "JPEG"))
        if image.width * image.height > DRAWING_MAX_PIXELS:
            return Problem.TOO_LARGE
        image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Problem.TOO_LARGE
    except (OSError, SyntaxError, ValueError):
        return Problem.NOT_AN_IMAGE
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would cut off instead of scaling
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    return image.convert("RGBA")


def _smaller(image: Image.Image, shrink: float) -> NDArray[np.float32]:
    """float32 [h, w, 4], 0..255."""
    if shrink < 1:
        size = (max(1, round(image.width * shrink)), max(1, round(image.height * shrink)))
        image = image.resize(size, Image.Resampling.BOX)
    return np.asarray(image, np.float32)


def _find_ink(rgba: NDArray[np.float32]) -> tuple[Ink, float]:
    """Contrast to the paper, float32 [h, w], and the least that is ink; 0 where nothing is
    drawn."""
    opacity = rgba[..., 3]
    if np.median(opacity) < PIXEL_MAX / 2:
        ink = opacity
    else:
        ink = np.abs(rgba[..., :3] - _paper(rgba[..., :3])).max(axis=2) * (opacity / PIXEL_MAX)
    peak = float(ink.max())
    if peak < _FAINTEST:
        return ink, 0.0
    return ink, float(np.clip(_NOISE * np.median(ink), _STRONG[0] * peak, _STRONG[1] * peak))


def _paper(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """The paper under the ink, of the same shape: a surface of second degree through what most
    pixels agree on."""
    height, width, _ = colours.shape
    y, x = np.meshgrid(
        np.linspace(-1, 1, height, dtype=np.float32),
        np.linspace(-1, 1, width, dtype=np.float32),
        indexing="ij",
    )
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    step = (
        max(1, round((height * width / _POINTS) ** 0.5)) | 1
    )  # odd: an even step sees one colour of paper with a pattern of even period
    points, seen = terms[::step, ::step].reshape(-1, 6), colours[::step, ::step].reshape(-1, 3)
    paper = np.median(seen, axis=0) + np.zeros_like(seen)
    for _ in range(
        3
    ):  # each time without what is farther from the last surface than most pixels are
        away = np.abs(seen - paper).max(axis=1)
        near = away <= max(2 * float(np.median(away)), 2.0)
        surface = np.linalg.lstsq(points[near], seen[near], rcond=None)[0]
        paper = points @ surface
    return np.asarray(terms @ surface, np.float32)


def _label(mask: NDArray[np.bool_]) -> tuple[Labels, list[_Mark]]:
    """Number what hangs together, corners included: int32 [h, w], 0 where no ink is, and the
    marks."""
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
    return labels, [_Mark((label,), Box(*box[:4]), box[4]) for label, box in boxes.items()]


def _runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Row, first column and one past the last of every row's stretches of ink."""
    edges = np.diff(mask.astype(np.int8), axis=1, prepend=0, append=0)
    starts, stops = np.argwhere(edges == 1), np.argwhere(edges == -1)
    yield from zip(starts[:, 0].tolist(), starts[:, 1].tolist(), stops[:, 1].tolist(), strict=True)


def _without_specks(marks: list[_Mark], shape: tuple[int, ...]) -> list[_Mark]:
    height, width = shape

    def is_frame(mark: _Mark) -> bool:
        spans = mark.width >= _FRAME[0] * width and mark.height >= _FRAME[0] * height
        return spans and mark.area < _FRAME[1] * mark.width * mark.height

    inside = [mark for mark in marks if not is_frame(mark)] or marks
    longest = max(mark.height for mark in inside)
    return [mark for mark in inside if max(mark.width, mark.height) >= _SPECK * longest]


def _group(marks: list[_Mark]) -> list[_Mark]:
    """Put the strokes of a digit together, from left to right."""
    tall = _TALL * max(mark.height for mark in marks)
    groups: list[_Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.box.left, mark.box.top)):
        for place, group in enumerate(groups):
            shared = min(mark.box.right, group.box.right) - max(mark.box.left, group.box.left)
            if shared >= _OVERLAP[mark.height >= tall and group.height >= tall] * min(
                mark.width, group.width
            ):
                groups[place] = _join(group, mark)
                break
        else:
            groups.append(mark)
    merged = sorted(groups, key=lambda mark: mark.box.left)
    return merged if len(merged) == len(marks) else _group(merged)


def _join(one: _Mark, two: _Mark) -> _Mark:
    a, b = one.box, two.box
    box = Box(
        min(a.left, b.left), min(a.top, b.top), max(a.right, b.right), max(a.bottom, b.bottom)
    )
    return _Mark(one.labels + two.labels, box, one.area + two.area)


def _alone(mark: _Mark, ink: Ink, labels: Labels) -> Ink:
    """The ink of a mark and its soft edges, without what else is in its box."""
    box = mark.box
    here = labels[box.top : box.bottom, box.left : box.right]
    return np.where(
        np.isin(here, (0, *mark.labels)), ink[box.top : box.bottom, box.left : box.right], 0
    )
