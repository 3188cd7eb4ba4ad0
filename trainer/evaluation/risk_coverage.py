"""What refusing to answer would buy: the error among the most confident share of the images, the
risk-coverage curve.

Source: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, NeurIPS 2017; for
the area: Geifman, Uziel and El-Yaniv, Bias-Reduced Uncertainty Estimation for Deep Neural
Classifiers, ICLR 2019.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

COVERAGES: Final = (
    *(n / 10 for n in range(1, 10)),
    *(n / 100 for n in range(91, 99)),
    *(n / 1000 for n in range(990, 1001)),
)
"""Shares of the images that are answered, where the curve is kept: closest near all, where a good
network errs."""


class RiskCoverage(BaseModel):
    """How the error falls as the least sure answers are withheld."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    aurc: float = Field(
        ge=0, le=1, description="area under the curve: mean risk over all coverages 1/n, 2/n, … 1"
    )
    risks: tuple[float, ...] = Field(
        min_length=len(COVERAGES),
        max_length=len(COVERAGES),
        description="share read wrong among those answered, at each of COVERAGES",
    )

    @property
    def at_99_percent(self) -> float:
        """Share read wrong where the least sure 1 % are withheld."""
        return self.risks[COVERAGES.index(0.99)]


def risk_coverage(
    confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_]
) -> RiskCoverage:
    """Withhold answers from the least sure on.

    Args:
        confidence: float [n], probability of the class read.
        right: bool [n], whether it is the true one.
    """
    risks = _risks(confidence, right)
    answered = np.maximum(1, np.round(np.array(COVERAGES) * len(risks))).astype(int)
    return RiskCoverage(aurc=float(risks.mean()), risks=tuple(risks[answered - 1].tolist()))


def _risks(
    confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """The risk when the 1, 2, … n most confident images are answered, float64 [n].

    Many images share the confidence 1 to float32's last digit. Equals come in no order, so their
    errors are spread evenly over them, which is the mean of all orders.
    """
    order = np.argsort(-confidence, kind="stable")
    errors = np.cumsum(~right[order])
    last = np.append(np.flatnonzero(np.diff(confidence[order])), len(order) - 1)
    answered = np.arange(1, len(order) + 1)
    return np.asarray(np.interp(answered, [0, *(last + 1)], [0, *errors[last]]) / answered)
