"""The freehand score: how well a network reads what people draw, all in all and by pen, size, place
and so on."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from trainer.data.arrays import Classes
from trainer.evaluation.metrics import correct, interval
from trainer.evaluation.mistakes import Mistake, worst_mistakes
from trainer.freehand.canvas import FACTORS, Look

FAMILY: Final = 1
"""Number of the family of drawings. It rises with every change to what is drawn; scores of two
families say nothing about each other."""


class LevelScore(BaseModel):
    """How well the renderings of one kind are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accuracy: float = Field(ge=0, le=1, description="share read right")
    images: int = Field(ge=1, description="renderings of this kind")


class FreehandScore(BaseModel):
    """How well a family of renderings is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: int = Field(description="number of the family, see `FAMILY`")
    accuracy: float = Field(ge=0, le=1, description="share of the renderings read right")
    images: int = Field(ge=1, description="number of renderings")
    factors: dict[str, dict[str, LevelScore]] = Field(
        description="the same by pen, size, place and so on, see `trainer.freehand.canvas.FACTORS`"
    )
    mistakes: tuple[Mistake, ...] = Field(
        description="the surest mistakes; `image` is the position among the renderings"
    )

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy."""
        return interval(self.accuracy, self.images)


def score(
    probabilities: npt.NDArray[np.floating], labels: Classes, looks: Sequence[Look]
) -> FreehandScore:
    """Hold answers, float [n, k], against what was drawn, integer [n], and how.

    Raises:
        TrainerError: a probability is not a number, as after a training that diverged.
    """
    right = correct(probabilities, labels)
    return FreehandScore(
        family=FAMILY,
        accuracy=float(right.mean()),
        images=len(right),
        factors={
            factor: dict(_by_level(right, [getattr(look, factor) for look in looks], factor))
            for factor in FACTORS
        },
        mistakes=worst_mistakes(probabilities, labels, np.arange(len(right))),
    )


def _by_level(
    right: npt.NDArray[np.bool_], found: Sequence[str], factor: str
) -> Iterator[tuple[str, LevelScore]]:
    for level in FACTORS[factor]:
        of_level = right[np.array(found) == level]
        if of_level.size:
            yield level, LevelScore(accuracy=float(of_level.mean()), images=of_level.size)
