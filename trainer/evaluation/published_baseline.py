"""The published reference runs, and how a test accuracy stands beside them."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

from trainer.data.dataset import MNIST

TEST_SIZE: Final = 10_000
"""Number of images that their accuracy was taken on: all of MNIST's test set."""


@dataclass(frozen=True)
class Reference:
    """One published run: batch 128, Adam, 12 epochs, the test set used as validation set."""

    accuracy: float
    loss: float

    @property
    def standard_error(self) -> float:
        """Standard error of this accuracy as a share of `TEST_SIZE` images (binomial)."""
        return sqrt(self.accuracy * (1 - self.accuracy) / TEST_SIZE)


REFERENCES: Final = {
    "conv3": Reference(accuracy=0.9908, loss=0.0362),
    "conv5": Reference(accuracy=0.9887, loss=0.0447),
    "conv7": Reference(accuracy=0.9905, loss=0.0510),
}
"""By architecture; test accuracy and test loss."""


def find(architecture: str, data: str, test_size: int) -> Reference | None:
    """The reference that an accuracy on these images may be put beside; none for other images or
    networks."""
    return REFERENCES.get(architecture) if (data, test_size) == (MNIST, TEST_SIZE) else None


def judge(accuracy: float, reference: Reference) -> str:
    """Whether a test accuracy on the same images reaches the reference, in words.

    Args:
        accuracy: share of the test images read right, 0..1.
        reference: the published run of the same architecture.
    """
    difference = round(accuracy - reference.accuracy, 6)
    if difference == 0:
        return "reached exactly"
    if difference > 0:
        return f"reached, {difference:.4f} above"
    errors = -difference / reference.standard_error
    within = "within one standard error" if errors <= 1 else f"{errors:.1f} standard errors"
    return f"missed by {-difference:.4f}, {within} ({reference.standard_error:.4f})"
