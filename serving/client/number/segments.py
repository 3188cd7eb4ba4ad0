"""Find the digits of a number in a picture: which ink belongs together, and where it may be cut.

Plain NumPy and Pillow, so that a client needs no more. Where digits touch, the picture alone does
not say how many they are; places to cut are offered, and the model's answers decide
(`serving.client.number.read`).
"""

import io
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits.contract import PIXEL_MAX, Problem
from serving.client.errors import TooManyDigitsError
from serving.client.number.ink import Ink, find_ink
from serving.client.number.marks import (
    Box,
    Labels,
    Mark,
    find_lines,
    find_marks,
    join,
)
from serving.client.number.pictures import open_picture
from serving.client.number.seams import Seam, between, find_seams
from serving.client.number.signs import Sign, sort_marks

MAX_DIGITS: Final = 32
"""That one picture may have; a photo of a whole page is no number."""
_MOST_MARKS: Final = 8 * MAX_DIGITS
"""More are not even put together."""
_ENOUGH_PIXELS: Final = 250_000
"""Larger pictures are shrunk to this first; a digit of a long number is still a hundred pixels
tall."""
_APART: Final = 0.12
"""Least distance of two cuts, over the number's height; a 1 is that wide."""
_WIDEST: Final = 1.3
"""Largest width of a digit, over the number's height."""
_CUTS: Final = (7, 40)
"""Places to cut that are tried in one group, the thinnest ones: at least and at most; between
them…"""
_MORE_CUTS: Final = 3
"""… so many for each of the number's heights that the group is wide."""
_STRAY: Final = 0.3
"""How far a cut may leave its column to either side, over the number's height."""
_SOLID: Final = (0.78, 0.45)
"""A group that fills more of its box, and is wider than this over the number's height, is no
writing."""
_NEAR: Final = (0.3, 1.0)
"""Neighbours that may be one digit: the widest gap, and the largest width together, over the
number's height."""


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
    """Height of the tallest digit of the number, in the same pixels."""
    scale: float
    """Pixels of the picture for one of those."""

    @property
    def width(self) -> float:
        """Over the number's height."""
        return float(self.ink.shape[1] / self.tall)

    @property
    def solid(self) -> bool:
        """Whether it is a filled shape rather than writing."""
        return bool((self.ink > 0).mean() >= _SOLID[0]) and self.width >= _SOLID[1]

    def whole(self) -> Part:
        """All of it."""
        return self.part(self.ink)

    def edges(self) -> list[Seam]:
        """Where it may be cut, ends included: along the paths of least ink."""
        tall, (height, width) = self.tall, self.ink.shape
        left, right = (np.full(height, column) for column in (0, width))
        least, most = _CUTS
        cuts = min(most, max(least, math.ceil(_MORE_CUTS * self.width)))
        seams = find_seams(self.ink, max(1, int(_APART * tall)), int(_STRAY * tall), cuts)
        return [left, *seams, right]

    def parts(self) -> dict[tuple[int, int], Part]:
        """What may be a digit between two of the edges, by their numbers; and the whole, however
        wide."""
        edges = self.edges()
        found = {(0, len(edges) - 1): self.whole()}
        for (i, start), (j, stop) in itertools.combinations(enumerate(edges), 2):
            if (i, j) not in found and (stop - start).mean() <= _WIDEST * self.tall:
                ink = between(self.ink, start, stop)
                if ink.any():
                    found[i, j] = self.part(ink)
        return found

    def part(self, ink: Ink) -> Part:
        """Some of the ink, float32 [h, w], as a drawing of its own."""
        rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
        tight = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        sheet = np.pad(
            PIXEL_MAX - np.round(PIXEL_MAX * tight).astype(np.uint8),
            4 + max(tight.shape) // 8,
            constant_values=PIXEL_MAX,
        )
        file = io.BytesIO()
        Image.fromarray(sheet).save(file, "PNG")
        left, top = self.left + columns[0], self.top + rows[0]
        box = Box(int(left), int(top), int(left) + tight.shape[1], int(top) + tight.shape[0])
        return Part(box.scaled(self.scale), file.getvalue())


@dataclass(frozen=True, eq=False)
class Segments:
    """What of a picture may be digits."""

    width: int
    height: int
    """Of the upright picture, in pixels; 0 where it cannot be read."""
    problem: Problem
    groups: tuple[Group, ...] = ()
    """From left to right."""
    joined: tuple[Part | None, ...] = ()
    """By group: it and the next one as one digit, where they are near enough."""
    signs: tuple[tuple[Sign, Box], ...] = ()
    """Marks too small for a digit, from left to right."""
    lines: int = 1
    """Lines of digits; the groups of several are not to be read as one number."""


def find_digits(picture: bytes) -> Segments:
    """Part the ink of a picture with one line of digits.

    Args:
        picture: a PNG or JPEG, ink dark or bright, paper plain, ruled, transparent or unevenly lit.

    Returns:
        The groups, or none and the problem.

    Raises:
        TooManyDigitsError: there are more than `MAX_DIGITS`.
    """
    image = open_picture(picture)
    if isinstance(image, Problem):
        return Segments(0, 0, image)
    shrink = min(1.0, (_ENOUGH_PIXELS / (image.width * image.height)) ** 0.5)
    ink, least = find_ink(_smaller(image, shrink))
    if not least:
        return Segments(*image.size, Problem.BLANK)
    labels, marks = find_marks(ink >= least)
    lines = find_lines(marks)
    digits, small = sort_marks(marks) if len(marks) <= _MOST_MARKS else (marks, [])
    if len(digits) > MAX_DIGITS:
        raise TooManyDigitsError(
            f"expected at most {MAX_DIGITS} digits in a picture; received {len(digits)} marks; cut "
            "out the number"
        )
    tall = max(mark.height for mark in digits)
    soft = np.where(ink >= least / 2, ink, 0) / ink.max()

    def group(mark: Mark) -> Group:
        alone = _alone(mark, soft, labels)
        return Group(alone, mark.box.left, mark.box.top, tall, 1 / shrink)

    return Segments(
        *image.size,
        Problem.NONE,
        tuple(group(mark) for mark in digits),
        tuple(group(pair).whole() if pair else None for pair in _neighbours(digits, tall)),
        tuple((sign, mark.box.scaled(1 / shrink)) for sign, mark in small),
        lines,
    )


def _neighbours(marks: Sequence[Mark], tall: int) -> list[Mark | None]:
    """Each mark together with the next one, where the two may be one digit."""
    found: list[Mark | None] = []
    for one, two in itertools.pairwise(marks):
        near = two.box.left - one.box.right <= _NEAR[0] * tall
        pair = join(one, two)
        found.append(pair if near and pair.width <= _NEAR[1] * tall else None)
    return [*found, None] if marks else []


def _smaller(image: Image.Image, shrink: float) -> NDArray[np.float32]:
    """float32 [h, w, 4], 0..255."""
    if shrink < 1:
        size = (max(1, round(image.width * shrink)), max(1, round(image.height * shrink)))
        image = image.resize(size, Image.Resampling.BOX)
    return np.asarray(image, np.float32)


def _alone(mark: Mark, ink: Ink, labels: Labels) -> Ink:
    """The ink of a mark and its soft edges, without what else is in its box."""
    box = mark.box
    here = labels[box.top : box.bottom, box.left : box.right]
    return np.where(
        np.isin(here, (0, *mark.labels)), ink[box.top : box.bottom, box.left : box.right], 0
    )
