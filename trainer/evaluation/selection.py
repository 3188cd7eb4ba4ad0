"""Chooses one network by its validation set: the best, or a smaller one that is not shown to be
worse.

Two networks are compared on the same images, so only those that one reads right and the other wrong
say anything; McNemar's exact test asks whether they split as a fair coin would.
Source: McNemar, Psychometrika 12 (1947); Dietterich, Neural Computation 10 (1998).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import binomtest

SIGNIFICANCE: Final = 0.05
"""A smaller network is tied with the best unless p is below this."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A trained network and the validation images it reads right.

    Attributes:
        name: name of the architecture, unique among the candidates.
        parameters: number of weights, trainable or not.
        correct: bool [n], one entry a validation image, in the same order for every candidate.
    """

    name: str
    parameters: int
    correct: npt.NDArray[np.bool_]


class Comparison(BaseModel):
    """One candidate beside the most accurate one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="name of the architecture")
    parameters: int = Field(ge=0, description="number of weights, trainable or not")
    accuracy: float = Field(ge=0, le=1, description="share of validation images read right")
    only_best: int = Field(
        ge=0,
        description="number of validation images that only the most accurate network reads right",
    )
    only_this: int = Field(
        ge=0, description="number of validation images that only this network reads right"
    )
    p: float | None = Field(
        description="exact McNemar test, two-sided, against the most accurate; none for that one "
        "itself"
    )
    tied: bool = Field(
        description="is the most accurate one, or is smaller and not significantly worse"
    )


class Choice(BaseModel):
    """The chosen network and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    winner: str = Field(description="name of the chosen architecture")
    best: str = Field(description="name of the most accurate architecture")
    images: int = Field(ge=1, description="number of validation images")
    reason: str = Field(description="the choice in words and numbers")
    comparisons: tuple[Comparison, ...] = Field(
        description="one entry a candidate, by falling accuracy"
    )


def select(candidates: Sequence[Candidate]) -> Choice:
    """Choose the smallest network that is the most accurate or tied with it.

    The test set has no part in this. Equals are parted by fewer parameters, then accuracy, then
    name.

    Args:
        candidates: at least one, all scored on the same validation images.

    Raises:
        ValueError: there is none, two share a name, or they were scored on different numbers of
            images.
    """
    _check(candidates)
    ranked = sorted(
        candidates,
        key=lambda candidate: (-int(candidate.correct.sum()), candidate.parameters, candidate.name),
    )
    best = ranked[0]
    comparisons = tuple(_compare(candidate, best) for candidate in ranked)
    winner = min(
        (c for c in comparisons if c.tied), key=lambda c: (c.parameters, -c.accuracy, c.name)
    )
    reason = _explain(winner, comparisons, len(best.correct))
    return Choice(
        winner=winner.name,
        best=best.name,
        images=len(best.correct),
        reason=reason,
        comparisons=comparisons,
    )


def _check(candidates: Sequence[Candidate]) -> None:
    if not candidates:
        raise ValueError("expected at least one candidate; received none; train a network first")
    names = [candidate.name for candidate in candidates]
    if len(set(names)) < len(names):
        raise ValueError(
            f"expected candidates with names of their own; received {', '.join(names)}; select "
            "among one run's networks"
        )
    shapes = {candidate.correct.shape for candidate in candidates}
    if len(shapes) > 1 or len(candidates[0].correct.shape) != 1 or candidates[0].correct.size == 0:
        raise ValueError(
            "expected every candidate scored on the same validation images; received shapes "
            f"{sorted(shapes)}; score them on one set"
        )
    if any(candidate.correct.dtype != np.bool_ for candidate in candidates):
        raise ValueError(
            "expected `correct` as bool, one entry an image; received another dtype; use "
            "`trainer.evaluation.metrics.correct`"
        )


def _compare(candidate: Candidate, best: Candidate) -> Comparison:
    only_best = int((best.correct & ~candidate.correct).sum())
    only_this = int((candidate.correct & ~best.correct).sum())
    p = None if candidate is best else mcnemar(only_best, only_this)
    return Comparison(
        name=candidate.name,
        parameters=candidate.parameters,
        accuracy=float(candidate.correct.mean()),
        only_best=only_best,
        only_this=only_this,
        p=p,
        tied=p is None or (candidate.parameters < best.parameters and p >= SIGNIFICANCE),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p that two classifiers are equally good.

    Args:
        only_first: number of images that only the first reads right.
        only_second: number of images that only the second reads right.

    Returns:
        p, 0..1; 1 where they never differ.
    """
    differing = only_first + only_second
    return float(binomtest(only_first, differing).pvalue) if differing else 1.0


def _explain(winner: Comparison, comparisons: tuple[Comparison, ...], images: int) -> str:
    best = comparisons[0]
    score = f"{winner.accuracy:.4f} of {images:,} validation images"
    if len(comparisons) == 1:
        return f"{winner.name} is the only candidate; it reads {score} right."
    if winner is not best:
        return (
            f"{winner.name} reads {score} right, not significantly fewer than the most accurate, "
            f"{best.name} ({best.accuracy:.4f}): {best.name} alone is right on {winner.only_best}, "
            f"{winner.name} alone on {winner.only_this} (exact McNemar test, p = {winner.p:.2g}). "
            f"Of the networks tied in this way it has the fewest parameters: {winner.parameters:,} "
            f"against {best.parameters:,}."
        )
    smaller = [c for c in comparisons if c.parameters < winner.parameters]
    if not smaller:
        return (
            f"{winner.name} is the most accurate: it reads {score} right. No candidate has "
            f"fewer parameters than its {winner.parameters:,}."
        )
    listed = ", ".join(f"{c.name} {c.accuracy:.4f}, p = {c.p:.2g}" for c in smaller)
    return (
        f"{winner.name} is the most accurate: it reads {score} right. "
        f"Every smaller network is significantly worse (exact McNemar test: {listed})."
    )
