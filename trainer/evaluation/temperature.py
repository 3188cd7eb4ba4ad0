"""Calibrate probabilities with one temperature, fitted on the validation set: their order stays,
their size becomes honest.

Softmax(log p / T) is p^(1/T), brought to the sum 1 again. Written so it needs no logits, which the
mean of several networks does not have.
Source: Guo et al., On Calibration of Modern Neural Networks, arXiv 1706.04599.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy.optimize import minimize_scalar

from trainer.evaluation.calibration import SMALLEST, nll
from trainer.evaluation.metrics import correct

UNCHANGED: Final = 1.0
"""The temperature that leaves probabilities as they are."""
_COLDEST: Final = 0.01
_HOTTEST: Final = 100.0


def fit_temperature(
    probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> float:
    """The temperature under which the true classes are the most likely.

    Args:
        probabilities: float [n, k], 0..1, of the validation images.
        labels: integer [n], the true class, 0..k-1.

    Returns:
        0.01..100; above 1 for a network that is surer than it is right. 1 where every image is read
        right: the likelihood would rise for ever as the temperature falls, and there is no mistake
        to tell how sure is too sure.

    Raises:
        TrainerError: a probability is not a number, as after a training that diverged.
    """
    if correct(probabilities, labels).all():
        return UNCHANGED
    # In 1 / T the likelihood is concave, so in log T it has one maximum.
    found = minimize_scalar(
        lambda logarithm: nll(probabilities, labels, math.exp(logarithm)),
        bounds=(math.log(_COLDEST), math.log(_HOTTEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return math.exp(found.x)


def calibrate(probabilities: tf.Tensor, temperature: float) -> tf.Tensor:
    """Softmax(log p / `temperature`), float32 [n, k], in a graph or outside.

    Args:
        probabilities: float32 [n, k], 0..1; 0 counts as the smallest number that float32 holds in
            full.
        temperature: above 0; 1 leaves them as they are.
    """
    known = tf.maximum(probabilities, SMALLEST)
    # The largest becomes 1, so that a small temperature cannot make a whole row too small for
    # float32.
    powers = (known / tf.reduce_max(known, -1, keepdims=True)) ** (1 / temperature)
    return powers / tf.reduce_sum(powers, -1, keepdims=True)
