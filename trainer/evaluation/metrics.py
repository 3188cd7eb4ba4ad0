"""Scores of one network on one set of images."""

from collections.abc import Sequence
from math import sqrt
from statistics import mean, stdev
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import binomtest, t
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from trainer.errors import TrainerError

_SMALLEST_PROBABILITY: Final = 1e-7
"""Probabilities are kept this far from 0 and 1 before the logarithm. Source:
`keras.config.epsilon()`."""


class ClassScores(BaseModel):
    """How well one class is read. What is undefined, for want of images or of predictions, is 0."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: float = Field(
        ge=0, le=1, description="share of the images read as this class that are of it"
    )
    recall: float = Field(
        ge=0, le=1, description="share of the images of this class that are read as it"
    )
    f1: float = Field(ge=0, le=1, description="harmonic mean of precision and recall")
    support: int = Field(ge=0, description="number of images of this class")


class Scores(BaseModel):
    """How well a network reads one set of images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss: float = Field(ge=0, description="mean categorical cross-entropy, nats")
    accuracy: float = Field(ge=0, le=1, description="share of images read right")
    errors: int = Field(ge=0, description="number of images read wrong")
    classes: tuple[ClassScores, ...] = Field(
        description="one entry a class, in the order of the labels"
    )
    confusion: tuple[tuple[int, ...], ...] = Field(
        description="number of images, by true class (rows) and class read (columns)"
    )

    @property
    def images(self) -> int:
        """Number of images scored."""
        return sum(map(sum, self.confusion))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy."""
        return interval(self.accuracy, self.images)


def interval(accuracy: float, images: int) -> tuple[float, float]:
    """The 95 % interval of an accuracy, for what it would be on more images of the same kind.

    Args:
        accuracy: share of the images read right, 0..1.
        images: number of images.

    Source: Wilson, Journal of the American Statistical Association 22 (1927).
    """
    low, high = binomtest(round(accuracy * images), images).proportion_ci(
        confidence_level=0.95, method="wilson"
    )
    return float(low), float(high)


def interval_of_mean(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean that more values of the same kind would have, by Student's t.

    Args:
        values: such as the accuracies of several seeds, at least two.
    """
    half = t.ppf(0.975, len(values) - 1) * stdev(values) / sqrt(len(values))
    return mean(values) - half, mean(values) + half


def evaluate(probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> Scores:
    """Score probabilities against the truth.

    Args:
        probabilities: float [n, k], a row an image, a column a class, 0..1.
        labels: integer [n], the true class, 0..k-1.

    Raises:
        TrainerError: a probability is not a number, as after a training that diverged.
        ValueError: the arrays do not fit each other.
    """
    right = correct(probabilities, labels)
    every_class = np.arange(probabilities.shape[1])
    read = probabilities.argmax(axis=1)
    by_class = precision_recall_fscore_support(labels, read, labels=every_class, zero_division=0.0)
    return Scores(
        loss=_cross_entropy(probabilities, labels),
        accuracy=float(right.mean()),
        errors=int((~right).sum()),
        classes=tuple(
            ClassScores(precision=precision, recall=recall, f1=f1, support=support)
            for precision, recall, f1, support in zip(*by_class, strict=True)
        ),
        confusion=confusion_matrix(labels, read, labels=every_class).tolist(),
    )


def correct(
    probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> npt.NDArray[np.bool_]:
    """Which images are read right: the class with the highest probability is the true one.

    Args:
        probabilities: float [n, k], a row an image, a column a class, 0..1.
        labels: integer [n], the true class, 0..k-1.

    Returns:
        bool [n].

    Raises:
        TrainerError: a probability is not a number, as after a training that diverged.
        ValueError: the arrays do not fit each other.
    """
    _check(probabilities, labels)
    return np.asarray(probabilities.argmax(axis=1) == labels)


def _cross_entropy(
    probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> float:
    """The mean over images, rows normalised and clipped as `keras.losses.categorical_crossentropy`
    does."""
    exact = probabilities.astype(np.float64)
    of_the_truth = exact[np.arange(len(labels)), labels] / exact.sum(axis=1)
    return float(
        -np.log(of_the_truth.clip(_SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)).mean()
    )


def _check(probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> None:
    if labels.ndim != 1 or labels.shape != probabilities.shape[:-1] or labels.size == 0:
        raise ValueError(
            "expected probabilities [n, k] and labels [n], n at least 1; received "
            f"{probabilities.shape} and {labels.shape}; score the images that the labels belong to"
        )
    if (
        not np.issubdtype(labels.dtype, np.integer)
        or labels.min() < 0
        or labels.max() >= probabilities.shape[1]
    ):
        raise ValueError(
            f"expected integer labels 0..{probabilities.shape[1] - 1}; received {labels.dtype} "
            f"{labels.min()}..{labels.max()}; "
            "build the network with as many classes as the data has"
        )
    broken = int((~np.isfinite(probabilities)).any(axis=1).sum())
    if broken:
        raise TrainerError(
            f"expected probabilities; received something else for {broken} of {len(labels)} "
            "images; the training diverged: lower the learning rate or train in float32"
        )
