"""The images of MNIST's test set whose label people dispute.

Of 100 suspicious test images shown to 5 annotators each, a majority disagreed with the label of
these 15. The labels stay as they are and every accuracy counts them; what is reported beside it is
how much of the error they are.
Source: https://github.com/cleanlab/label-errors, mturk/mnist_mturk.json, counted.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from trainer.data.dataset import MNIST_DIGESTS

DISPUTED: Final = (
    947,
    1621,
    1901,
    2130,
    2462,
    2597,
    2654,
    3520,
    3558,
    5937,
    6651,
    6783,
    8527,
    9679,
    9729,
)
"""Positions in the test set, from 0."""


class DisputedScores(BaseModel):
    """What the disputed images do to an accuracy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int = Field(ge=1, description="number of test images whose label is disputed")
    errors: int = Field(ge=0, description="how many of the errors are on these images")
    accuracy_without: float = Field(
        ge=0, le=1, description="share of the other test images read right"
    )


def disputed_in(digests: Mapping[str, str]) -> tuple[int, ...]:
    """Positions of the disputed images in the test set with these digests; none unless it is
    MNIST's own.

    Args:
        digests: SHA-256 of each array of the data set, by the array's name.
    """
    return (
        DISPUTED
        if all(digests.get(name) == MNIST_DIGESTS[name] for name in ("x_test", "y_test"))
        else ()
    )


def score_disputed(
    right: npt.NDArray[np.bool_], disputed: tuple[int, ...]
) -> DisputedScores | None:
    """Part the disputed images from the others; nothing where there are none.

    Args:
        right: bool [n], whether each test image is read as its label says.
        disputed: positions among them.
    """
    if not disputed:
        return None
    errors = int((~right[list(disputed)]).sum())
    return DisputedScores(
        images=len(disputed),
        errors=errors,
        accuracy_without=float(np.delete(right, disputed).mean()),
    )
