"""How far a network's probabilities can be believed: NLL, Brier score, reliability and calibration
error.

Source: Guo et al., On Calibration of Modern Neural Networks, arXiv 1706.04599; Brier, Monthly
Weather Review 78 (1950).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import logsumexp

BINS: Final = 15
"""Of equal width over the confidence 0..1. Source: Guo et al., section 5."""
SMALLEST: Final = float(np.finfo(np.float32).tiny)
"""What a probability of 0 counts as: the smallest that float32 holds in full. A network means 0
only as "too small to write down"."""


class Bin(BaseModel):
    """The images whose confidence lies in one range; `confidence` and `accuracy` are equal where
    the network is honest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int = Field(ge=1, description="number of images")
    confidence: float = Field(ge=0, le=1 + 1e-6, description="mean probability of the class read")
    accuracy: float = Field(ge=0, le=1, description="share of them read right")


class Calibration(BaseModel):
    """How far the probabilities for one set of images can be believed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nll: float = Field(
        ge=0,
        description="mean negative log-likelihood of the truth, nats; unlike `loss` not cut off "
        "at 1e-7",
    )
    brier: float = Field(
        ge=0,
        le=2 + 1e-6,
        description="mean over images of the summed squares of probability less truth, 0..2",
    )
    ece: float = Field(
        ge=0,
        le=1,
        description=f"expected calibration error: {BINS} bins of equal width, weighted by their "
        "images",
    )
    bins: tuple[Bin, ...] = Field(
        description="the reliability diagram, by rising confidence, without the bins that are empty"
    )

    def metrics(self) -> dict[str, float]:
        """The scalar metrics by name."""
        return self.model_dump(exclude={"bins"})


def measure(
    probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> Calibration:
    """Hold probabilities against the truth.

    Args:
        probabilities: float [n, k], a row an image, a column a class, 0..1;
            `trainer.evaluation.metrics.evaluate` has checked them.
        labels: integer [n], the true class, 0..k-1.
    """
    bins = _bins(
        probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == labels
    )
    gaps = [one.images * abs(one.confidence - one.accuracy) for one in bins]
    return Calibration(
        nll=nll(probabilities, labels),
        brier=_brier(probabilities, labels),
        ece=sum(gaps) / len(labels),
        bins=bins,
    )


def nll(
    probabilities: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    temperature: float = 1.0,
) -> float:
    """The mean negative log-likelihood of the truth under softmax(log p / `temperature`), nats.

    Args:
        probabilities: float [n, k], 0..1; rows need not sum to 1 exactly.
        labels: integer [n], the true class, 0..k-1.
        temperature: above 0; 1 takes the probabilities as they are.
    """
    logits = np.log(np.maximum(probabilities.astype(np.float64), SMALLEST)) / temperature
    return float((logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]).mean())


def _brier(probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> float:
    truth = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities.astype(np.float64) - truth) ** 2).sum(axis=1).mean())


def _bins(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> tuple[Bin, ...]:
    """A confidence on an edge belongs to the bin below it, so that 1 has a bin."""
    places = np.digitize(confidence, np.linspace(0, 1, BINS + 1)[1:-1], right=True)
    return tuple(
        Bin(
            images=int(inside.sum()),
            confidence=float(confidence[inside].mean()),
            accuracy=float(right[inside].mean()),
        )
        for place in range(BINS)
        if (inside := places == place).any()
    )
