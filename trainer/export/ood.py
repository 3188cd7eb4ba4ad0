"""Not a digit: a score, in the exported graph, of how little a drawing looks like one.

A weighted sum of three numbers: the energy of the network's logits, their margin, and the log odds
of the small network of `trainer.export.reject`. The limit of the contract turns away one digit in
200, of the validation images and the drawings made of them; of the weights tried, those are taken
that turn away most drawings of `trainer.freehand.outliers` then.
Source of the energy: Liu et al. 2020, arXiv 2010.03759; of made-up outliers: Hendrycks et al. 2019,
arXiv 1812.04606.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from digits.contract import NOT_A_DIGIT
from trainer.data.arrays import Images
from trainer.export.material import Material
from trainer.export.reject import doubt
from trainer.freehand.outliers import UNSEEN
from trainer.networks.architecture import members
from trainer.networks.inference import BATCH, as_input

FALSE_REJECTION: Final = 0.005
"""Share of digits that are told not to be one."""
_TRIED: Final = np.linspace(0, 1.5, 16)
"""Weights of the energy and of the margin that are tried, over that of the log odds, where the
digits' standard deviation of each number is 1."""

Score = Callable[[tf.Tensor], tf.Tensor]
"""From pixels, float32 [n, 28, 28, 1] in 0..1, to float32 [n] in 0..1."""


@dataclass(frozen=True, eq=False)
class Detector:
    """A fitted score.

    Attributes:
        reject: the small network of `trainer.export.reject`.
        weights: float32 [3], of each number that `_evidence` gives.
        bias: added to their sum; 0 is then the limit.
    """

    reject: keras.Model
    weights: npt.NDArray[np.float32]
    bias: float


def fit(model: keras.Model, material: Material) -> Detector:
    """Fit the score of one network, and set its limit.

    Args:
        model: from float32 [n, 28, 28, 1] in 0..1 to probabilities; its last layer is dense with
            softmax, or that of each network that it averages.
        material: of `trainer.export.material.prepare`.
    """
    evidence = _evidence(model, material.reject)
    digits, outliers = _ask(evidence, material.held), _ask(evidence, material.outliers)
    weights = choose_weights(digits, outliers)
    return Detector(material.reject, weights, -_limit(digits, weights))


def choose_weights(
    digits: npt.NDArray[np.float32], outliers: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """The weights that turn away most outliers where `FALSE_REJECTION` of the digits are.

    Args:
        digits, outliers: float32 [n, 3], the numbers of `_evidence`.

    Returns:
        float32 [3].
    """

    def turned_away(weights: npt.NDArray[np.float32]) -> float:
        return float((outliers @ weights > _limit(digits, weights)).mean())

    return max(_candidates(digits.std(axis=0)), key=turned_away)


def _candidates(spread: npt.NDArray[np.float32]) -> Iterator[npt.NDArray[np.float32]]:
    """The weights that are tried, float32 [3], for numbers with the standard deviations `spread`:
    that of the log odds is 1, the others at most 0."""
    for energy, margin in itertools.product(_TRIED, repeat=2):
        weights = np.array([-energy, -margin, 1]) * spread[-1] / spread
        yield weights.astype(np.float32)


def _limit(digits: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]) -> float:
    """The sum above which a drawing is none, by what is known of digits, float32 [n, 3]."""
    return float(np.quantile(digits @ weights, 1 - FALSE_REJECTION))


def scorer(model: keras.Model, detector: Detector) -> Score:
    """The score as a function for the exported graph: above `digits.contract.NOT_A_DIGIT` means
    that it is none."""
    evidence = _evidence(model, detector.reject)
    return lambda pixels: _score(evidence(pixels), detector)


def answerer(
    model: keras.Model, detector: Detector
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """What `model` and `scorer` answer to the same pixels, from one forward pass.

    Returns:
        From pixels, float32 [n, 28, 28, 1] in 0..1, to probabilities, float32 [n, k], and the
        score, float32 [n].
    """
    parts = [_of_one(member) for member in members(model)]

    def answer(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        evidence, logits = zip(*(part(pixels) for part in parts), strict=True)
        probabilities = tf.add_n([tf.nn.softmax(one) for one in logits]) / len(parts)
        said = _joined(evidence, detector.reject, pixels)
        return probabilities, _score(said, detector)

    return answer


def _score(evidence: tf.Tensor, detector: Detector) -> tf.Tensor:
    return tf.sigmoid(tf.linalg.matvec(evidence, detector.weights) + detector.bias)


def measure(
    digits: npt.NDArray[np.floating], families: Mapping[str, npt.NDArray[np.floating]]
) -> dict[str, dict[str, float]]:
    """Hold scores against the truth.

    Args:
        digits: float [n], scores of digits.
        families: float [n], scores of drawings that are none, by kind.

    Returns:
        For each kind: `accepted`, the share taken for digits, and `auroc`, how often one scores
            above a digit.
    """
    return {
        name: {"accepted": float((scores <= NOT_A_DIGIT).mean()), "auroc": _auroc(digits, scores)}
        for name, scores in families.items()
    }


def summarise(model: keras.Model, detector: Detector, material: Material) -> dict[str, float]:
    """A detector's figures for the manifest: digits turned away, and of drawings of families it was
    not fitted to, those accepted."""
    score = scorer(model, detector)
    held = _ask(score, material.held)
    found = measure(
        held, {"unseen": _ask(score, np.concatenate([material.fresh[name] for name in UNSEEN]))}
    )["unseen"]
    return {"false_rejection": float((held > NOT_A_DIGIT).mean()), **found}


def _evidence(model: keras.Model, small: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Energy and margin of a network, and the small network's log odds, for pixels, float32 [n, 28,
    28, 1]: float32 [n, 3]."""
    parts = [_of_one(member) for member in members(model)]
    return lambda pixels: _joined([part(pixels)[0] for part in parts], small, pixels)


def _joined(evidence: Sequence[tf.Tensor], small: keras.Model, pixels: tf.Tensor) -> tf.Tensor:
    """The mean of what the networks say, and the small one's log odds."""
    mean = tf.add_n(list(evidence)) / len(evidence)
    return tf.concat([mean, doubt(small, pixels)[:, tf.newaxis]], -1)


def _of_one(network: keras.Model) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """From pixels to the energy and the margin of one network's logits, float32 [n, 2], and the
    logits, float32 [n, classes]."""
    head = network.layers[-1]
    inside = keras.Model(network.inputs, head.input)

    def evidence(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = tf.cast(inside(pixels, training=False), tf.float32)
        logits = tf.matmul(features, head.kernel) + head.bias
        first, second = tf.unstack(tf.math.top_k(logits, 2).values, axis=-1)
        return tf.stack([tf.reduce_logsumexp(logits, -1), first - second], -1), logits

    return evidence


def _ask(function: Callable[[tf.Tensor], tf.Tensor], images: Images) -> npt.NDArray[np.float32]:
    batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
    return np.concatenate([function(as_input(tf.constant(batch))).numpy() for batch in batches])


def _auroc(digits: npt.NDArray[np.floating], others: npt.NDArray[np.floating]) -> float:
    return float(
        roc_auc_score(
            np.arange(len(digits) + len(others)) >= len(digits), np.concatenate([digits, others])
        )
    )
