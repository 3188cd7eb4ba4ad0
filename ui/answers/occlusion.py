"""What would change the model's answer: the image is asked about again and again, each time with
another part of it masked (occlusion sensitivity).

Needs only `serving_default`, so it works with every version and every server of the API.

Source: Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, 2014, section 4.2.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from digits.contract import IMAGE_SIZE
from serving.client import Client, Prediction
from ui.answers.drawing import Sheet
from ui.answers.on_demand import ask_about
from ui.answers.reading import Notice

PART: Final = 4
"""Side of a masked square in pixels: a little more than the width of a stroke."""
STRIDE: Final = 2
"""Pixels between two of them: with `PART` they overlap by half and cover the whole image."""
_LEAST: Final = 1e-12
"""Smallest probability that counts; keeps the logarithms finite."""

Place = tuple[int, int]
"""Top and left of a part, in pixels."""


@dataclass(frozen=True)
class Change:
    """A part without which the model answers something else."""

    place: Place
    label: str
    """What it answers then."""
    probability: float


@dataclass(frozen=True, eq=False)
class Occlusion:
    """What the parts of an image do for its answer."""

    image: NDArray[np.uint8]
    """uint8 [28, 28], 0..255, ink bright: what the model saw."""
    label: str
    """Its answer."""
    influence: NDArray[np.float32]
    """float32 [28, 28]: by how much the log-odds of the answer fall where a part around the pixel
    is masked, the mean over these parts. Above 0: the pixel speaks for the answer."""
    change: Change | None
    """The clearest one; None where no part changes the answer."""


def ask(client: Client, sheet: Sheet) -> Occlusion | Notice:
    """Ask the model server what its answer to a drawing depends on. Never raises."""
    return ask_about(client, sheet, occlude)


def occlude(client: Client, image: NDArray[np.uint8]) -> Occlusion:
    """Ask about an image uint8 [28, 28] and about all its masked copies, in one batch.

    Raises:
        ClientError: the server does not answer.
    """
    places = parts(image)
    batch = np.stack([image, *(mask(image, place) for place in places)])
    whole, *masked = client.predict(batch)
    before = _log_odds(whole, whole.digit)
    falls = [before - _log_odds(one, whole.digit) for one in masked]
    return Occlusion(image, whole.label, _mean(places, falls), _change(places, masked, whole))


def parts(image: NDArray[np.uint8]) -> list[Place]:
    """The parts of an image uint8 [28, 28] that have ink; masking another changes nothing."""
    starts = range(0, IMAGE_SIZE - PART + 1, STRIDE)
    return [(top, left) for top in starts for left in starts if image[_square((top, left))].any()]


def mask(image: NDArray[np.uint8], place: Place) -> NDArray[np.uint8]:
    """A copy of the image uint8 [28, 28] with paper in the place of one part."""
    masked = image.copy()
    masked[_square(place)] = 0
    return masked


def _square(place: Place) -> tuple[slice, slice]:
    top, left = place
    return slice(top, top + PART), slice(left, left + PART)


def _log_odds(found: Prediction, digit: int) -> float:
    """Of `digit` against all others; unlike the probability, it tells 99.9% from 99.999%."""
    others = np.delete(found.probabilities, digit).sum(dtype=np.float64)
    return float(np.log(max(found.probabilities[digit], _LEAST)) - np.log(max(others, _LEAST)))


def _mean(places: list[Place], falls: list[float]) -> NDArray[np.float32]:
    """The mean over all parts that cover a pixel, float32 [28, 28]; 0 where none does."""
    total, count = np.zeros((2, IMAGE_SIZE, IMAGE_SIZE), np.float32)
    for place, fall in zip(places, falls, strict=True):
        total[_square(place)] += fall
        count[_square(place)] += 1
    return np.asarray(total / np.maximum(count, 1), np.float32)


def _change(places: list[Place], masked: list[Prediction], whole: Prediction) -> Change | None:
    changes = [
        Change(place, one.label, float(one.probabilities[one.digit]))
        for place, one in zip(places, masked, strict=True)
        if one.digit != whole.digit
    ]
    return max(changes, key=lambda change: change.probability, default=None)
