"""Handwriting as pen strokes, traced from images of digits."""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import distance_transform_edt

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
