"""Handwriting as pen strokes: traced from images of digits, or read from a file of recorded pen
trajectories."""

import itertools
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import distance_transform_edt

from digits.contract import LABELS
from trainer.data.arrays import Classes
from trainer.errors import DataError

Strokes = list[npt.NDArray[np.float64]]
"""Polylines, float64 [k, 2] each: right and down, in any unit."""

_FINER: Final = 3
"""An image is traced at this many times its size."""
_SOLID: Final = 0.4
"""Ink is at least this share of the darkest pixel."""
_ALIKE: Final = 0.8
"""Least overlap, over the union, of a shape and what its trace draws. Of MNIST's digits, 86 % have
it; a network reads them no better than the others (99.5 % of both), so that the choice is no
favour. Source: docs/experiments.md."""
_SMOOTHINGS: Final = 3
"""Times every traced point moves half-way to the middle of its neighbours: the steps between pixels
go, the corners stay."""
_ARRAYS: Final = ("points", "stroke_start", "char_start", "labels", "recording")


@dataclass(frozen=True, eq=False)
class PenDigits:
    """Digits as they were written with a pen.

    Attributes:
        strokes: of each digit.
        labels: uint8 [n], 0..9.
        recording: integer [n]; digits of one recording are of one hand.
    """

    strokes: list[Strokes]
    labels: Classes
    recording: npt.NDArray[np.integer]

    def half(self, number: int) -> "PenDigits":
        """The digits of every second recording: 0 to tune with, 1 to report. No hand is in both."""
        chosen = np.flatnonzero(np.unique(self.recording, return_inverse=True)[1] % 2 == number)
        return PenDigits(
            [self.strokes[i] for i in chosen], self.labels[chosen], self.recording[chosen]
        )


def trace(image: npt.NDArray[np.uint8]) -> Strokes | None:
    """Trace the middle lines of one image, uint8 [28, 28], bright ink on dark, as a pen would have
    gone: in short pieces.

    Returns:
        The strokes; None if a pen of the image's own width, led along them, would not draw it
        again: a loop was filled, say.
    """
    larger = Image.fromarray(image).resize(
        (image.shape[1] * _FINER, image.shape[0] * _FINER), Image.Resampling.BICUBIC
    )
    shape = np.asarray(larger)
    shape = np.pad(shape >= max(1, _SOLID * shape.max()), 1)
    line = _thin(shape)
    if not _draws_again(line, shape):
        return None
    places = np.argwhere(line)
    number = np.full(line.shape, -1)
    number[tuple(places.T)] = np.arange(len(places))
    pieces = np.concatenate(
        [_joined(number, down, right) for down, right in ((0, 1), (1, 0), (1, 1), (1, -1))]
    )
    points = _smooth(places[:, ::-1].astype(np.float64), pieces)
    return [points[piece] for piece in pieces] or [points[:1]]


def _thin(shape: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Peel a shape, bool [h, w] with a margin, until only its middle lines are left.

    Source: Zhang and Suen, Communications of the ACM 27 (1984).
    """
    fewest, most = _NEIGHBOURS
    while True:
        before = shape
        for turn in (0, 1):
            around = [np.roll(shape, (-down, -right), (0, 1)) for down, right in _AROUND]
            north, east, south, west = around[::2]
            count = sum(side.astype(np.int8) for side in around)
            steps = sum(
                (~one & other).astype(np.int8)
                for one, other in zip(around, [*around[1:], around[0]], strict=True)
            )
            kept = (
                (north & east & west) | (north & south & west)
                if turn
                else (north & east & south) | (east & south & west)
            )
            shape = shape & ~((count >= fewest) & (count <= most) & (steps == 1) & ~kept)
        if np.array_equal(before, shape):
            return shape


_NEIGHBOURS: Final = (2, 6)
"""Fewest and most of a pixel that may be removed."""
_AROUND: Final = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""The neighbours, clockwise from the north."""


def _draws_again(line: npt.NDArray[np.bool_], shape: npt.NDArray[np.bool_]) -> bool:
    """Whether a round pen along `line` covers `shape` and little else; both bool [h, w]."""
    if not line.any():
        return False
    drawn = distance_transform_edt(~line) <= distance_transform_edt(shape)[line].mean()
    return bool((drawn & shape).sum() >= _ALIKE * (drawn | shape).sum())


def _joined(number: npt.NDArray[np.int64], down: int, right: int) -> npt.NDArray[np.int64]:
    """Pairs of numbered pixels, int64 [m, 2], that are neighbours in one direction."""
    pairs = np.stack([number, np.roll(number, (-down, -right), (0, 1))], axis=-1)
    return pairs[(pairs >= 0).all(axis=-1)]


def _smooth(
    points: npt.NDArray[np.float64], pieces: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Move points, float64 [n, 2], towards the middle of those they are joined to; ends stay where
    they are."""
    ways = np.concatenate([pieces, pieces[:, ::-1]])
    degree = np.bincount(ways[:, 0], minlength=len(points))[:, np.newaxis]
    for _ in range(_SMOOTHINGS):
        total = np.zeros_like(points)
        np.add.at(total, ways[:, 0], points[ways[:, 1]])
        points = np.where(degree > 1, (points + total / np.maximum(degree, 1)) / 2, points)
    return points


def read_pen_digits(path: Path) -> PenDigits:
    """Read recorded digits from an .npz file.

    Its arrays: `points` float [p, 2], right and up, in any unit; `stroke_start` and `char_start`
    integer, where each stroke begins among the points and each digit among the strokes, with their
    number at the end; `labels` uint8 [n]; `recording` integer [n].

    Raises:
        DataError: the file cannot be read or holds something else.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            points, strokes, characters, labels, recording = (file[name] for name in _ARRAYS)
        if (
            points.shape[1:] != (2,)
            or strokes[-1] != len(points)
            or characters[-1] != len(strokes) - 1
        ):
            raise ValueError("arrays that do not fit each other")
        if not len(labels) == len(recording) == len(characters) - 1 or labels.max() >= len(LABELS):
            raise ValueError("arrays that do not fit each other")
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise DataError(
            f"expected a file of pen strokes; received '{path}': {error}; see "
            "trainer/freehand/strokes.py for its layout"
        ) from error
    lines = [line * (1, -1) for line in np.split(points.astype(np.float64), strokes[1:-1])]
    return PenDigits(
        [lines[begin:end] for begin, end in itertools.pairwise(characters)], labels, recording
    )
