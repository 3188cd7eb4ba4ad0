"""What the client gives back."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from digits.contract import LABELS, NOT_A_DIGIT, Problem


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the model makes of one image."""

    digit: int
    """Index of the most probable class, 0..k-1."""
    label: str
    """That class in words."""
    probabilities: NDArray[np.float32]
    """float32 [k], 0..1, summing to 1."""
    version: int | None
    """The version that answered; None over REST, which does not tell."""
    labels: tuple[str, ...] = field(default=LABELS, kw_only=True)
    """Every class in words, in the order of `probabilities`."""


@dataclass(frozen=True, eq=False)
class Drawing(Prediction):
    """What the model makes of one drawing; `digit` says nothing unless `problem` is
    `Problem.NONE`."""

    image: NDArray[np.uint8]
    """What the model saw: uint8 [28, 28], ink bright on dark, 0..255."""
    problem: Problem
    """What was wrong with the drawing; its `sentence` tells a person."""
    ood_score: float | None = None
    """How little the drawing looks like a digit, 0..1; None where the version cannot tell."""

    @property
    def looks_like_digit(self) -> bool:
        """False if the model takes the drawing for something else than a digit; True too where it
        cannot tell."""
        return self.ood_score is None or self.ood_score <= NOT_A_DIGIT


@dataclass(frozen=True, eq=False)
class Explanation(Prediction):
    """What the model makes of one image, and why."""

    saliency: NDArray[np.float32]
    """float32 [28, 28], 0..1: how much each pixel mattered for the answer."""


@dataclass(frozen=True)
class VersionStatus:
    """One version of the model on the server."""

    version: int
    state: str
    """`START`, `LOADING`, `AVAILABLE`, `UNLOADING`, `END` or `UNKNOWN`."""
    error: str = ""
    """Why it is not available, where the server gives a reason; else empty."""
