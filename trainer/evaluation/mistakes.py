"""The worst mistakes: the images that a network reads wrong and is most confident of."""

from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

KEPT: Final = 24
"""Mistakes that are shown of each set."""


class Mistake(BaseModel):
    """One image read wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: int = Field(
        ge=0,
        description="position in the data set's array x_train (for validation) or x_test, from 0",
    )
    truth: int = Field(ge=0, description="true class")
    read: int = Field(ge=0, description="class read instead")
    confidence: float = Field(
        ge=0, le=1 + 1e-6, description="calibrated probability of the class read"
    )
    truth_probability: float = Field(
        ge=0, le=1 + 1e-6, description="calibrated probability of the true class"
    )
    disputed: bool = Field(
        description="people dispute the label, see `trainer.evaluation.label_errors`"
    )


def worst_mistakes(
    probabilities: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    images: npt.NDArray[np.integer],
    disputed: tuple[int, ...] = (),
) -> tuple[Mistake, ...]:
    """The mistakes with the highest confidence, at most `KEPT`, most confident first.

    Args:
        probabilities: float [n, k], 0..1.
        labels: integer [n], the true class.
        images: integer [n], the name of each image: its position in the data set.
        disputed: names of the images whose label is disputed.
    """
    read = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(read != labels)
    ranked = wrong[np.argsort(-confidence[wrong], kind="stable")][:KEPT]
    return tuple(
        Mistake(
            image=int(images[place]),
            truth=int(labels[place]),
            read=int(read[place]),
            confidence=float(confidence[place]),
            truth_probability=float(probabilities[place, labels[place]]),
            disputed=int(images[place]) in disputed,
        )
        for place in ranked
    )
