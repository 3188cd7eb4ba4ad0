"""Images of digits, spoilt so that they are none: mirrored, on their side, upside down, on top of
another digit, or half of one and half of another.

They have the ink of the data set. Drawings of the other families do not: a network that learns from
those alone takes whatever has the ink of the data set for a digit (docs/experiments.md).
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from trainer.data.arrays import Classes, Images
from trainer.freehand.outliers import UNLIKE_WHEN_MIRRORED, UNLIKE_WHEN_TURNED

_ALL: Final = tuple(range(10))
_WAYS: Final[tuple[tuple[tuple[int, ...], Callable[[Images, Images], Images]], ...]] = (
    (UNLIKE_WHEN_MIRRORED, lambda image, _: image[:, ::-1]),
    (UNLIKE_WHEN_TURNED, lambda image, _: np.rot90(image)),
    (UNLIKE_WHEN_TURNED, lambda image, _: np.rot90(image, -1)),
    ((4, 7), lambda image, _: image[::-1]),
    (_ALL, np.maximum),
    (
        _ALL,
        lambda image, other: np.concatenate([image[: len(image) // 2], other[len(image) // 2 :]]),
    ),
)
"""Which digits are none afterwards, and what is done to one, beside a digit of another class."""


def spoil(images: Images, labels: Classes, count: int, seed: int) -> Images:
    """Spoil digits, in each way in turn.

    Args:
        images: uint8 [n, 28, 28], some of each digit.
        labels: uint8 [n], 0..9.
        count: how many.
        seed: decides which.

    Returns:
        uint8 [count, 28, 28].
    """
    generator = np.random.default_rng(seed)
    fit = [np.flatnonzero(np.isin(labels, classes)) for classes, _ in _WAYS]
    spoilt = np.empty((count, *images.shape[1:]), np.uint8)
    for number in range(count):
        way = number % len(_WAYS)
        one = generator.choice(fit[way])
        other = generator.choice(np.flatnonzero(labels != labels[one]))
        spoilt[number] = _WAYS[way][1](images[one], images[other])
    return spoilt
