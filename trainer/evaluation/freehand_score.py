"""The freehand score: how well a network reads what people draw, all in all and by pen, size, place
and so on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from trainer.evaluation.metrics import correct, interval
from trainer.evaluation.mistakes import Mistake, worst_mistakes
from trainer.freehand.canvas import FACTORS
from trainer.freehand.forms import FAMILY as FORMS_FAMILY
from trainer.freehand.forms import read_forms

if TYPE_CHECKING:  # reports read scores without loading TensorFlow
    from trainer.freehand.drawings import Drawings

FAMILY: Final = 1
"""Number of the family of drawings. It rises with every change to what is drawn; scores of two
families say nothing about each other."""
FORM: Final = "form"
"""The factor by which drawings of synthetic handwriting are scored, beside those of the canvas."""


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
        description="the same by pen, size, place and so on, see "
        "`trainer.freehand.canvas.FACTORS`; of synthetic handwriting by form too"
    )
    mistakes: tuple[Mistake, ...] = Field(
        description="the most confident mistakes; `image` is the position among the renderings"
    )

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy."""
        return interval(self.accuracy, self.images)


def score(probabilities: npt.NDArray[np.floating], drawings: "Drawings") -> FreehandScore:
    """Hold answers, float [n, k], against the n digits that were drawn, and how.

    Raises:
        TrainerError: a probability is not a number, as after a training that diverged.
    """
    right = correct(probabilities, drawings.labels)
    factors = {
        factor: _by_level(right, [getattr(look, factor) for look in drawings.looks], levels)
        for factor, levels in FACTORS.items()
    }
    if drawings.forms:
        names = [form.name for form in read_forms()]
        factors[FORM] = _by_level(right, drawings.forms, names)
    return FreehandScore(
        family=FORMS_FAMILY if drawings.forms else FAMILY,
        accuracy=float(right.mean()),
        images=len(right),
        factors=factors,
        mistakes=worst_mistakes(probabilities, drawings.labels, np.arange(len(right))),
    )


def _by_level(
    right: npt.NDArray[np.bool_], found: Sequence[str], levels: Sequence[str]
) -> dict[str, LevelScore]:
    by_level = {level: right[np.array(found) == level] for level in levels}
    return {
        level: LevelScore(accuracy=float(of_level.mean()), images=of_level.size)
        for level, of_level in by_level.items()
        if of_level.size
    }
