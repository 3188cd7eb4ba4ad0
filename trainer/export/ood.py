"""Not a digit: a score, in the exported graph, of how little a drawing looks like one.

One logistic regression on what the network's own layers say (its small feature maps, its logits'
energy and their margin), fitted to tell training digits, as they are and drawn by pen, from made-up
drawings of `trainer.freehand.outliers`. It is shifted so that the limit of the contract turns away
one digit in 200: of the validation images and the drawings made of them.
Source of the energy: Liu et al. 2020, arXiv 2010.03759; of made-up outliers: Hendrycks et al. 2019,
arXiv 1812.04606.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from digits.contract import LABELS, NOT_A_DIGIT
from trainer.data.arrays import Classes, Images
from trainer.data.split import Split
from trainer.freehand.canvas import FACTORS, Look, paint
from trainer.freehand.drawings import see
from trainer.freehand.outliers import FITTED, UNSEEN, Digits, Family, make
from trainer.freehand.strokes import Strokes, trace
from trainer.networks.architecture import members
from trainer.networks.inference import BATCH, as_input

FALSE_REJECTION: Final = 0.005
"""Share of digits that are told not to be one."""
_LARGEST_MAP: Final = 25
"""Pixels of the feature maps that are looked at, at most: coarse enough to be few numbers, fine
enough to tell where strokes are."""
_PENALTY: Final = 500.0
"""Weight of the squared coefficients. Chosen on drawings of the fitted families made from
validation digits; with four times as much, 4 points more of them pass."""
_DIGITS: Final = 2_000
_OUTLIERS: Final = 3_000
_SHARE: Final = 10
"""One training digit in so many is used, at most."""
_SEED: Final = 20262

Score = Callable[[tf.Tensor], tf.Tensor]
"""From pixels, float32 [n, 28, 28, 1] in 0..1, to float32 [n] in 0..1."""


@dataclass(frozen=True, eq=False)
class Detector:
    """A fitted score.

    Attributes:
        weights: float32 [k], of each number that `_evidence` gives.
        bias: added to their sum; 0 is then the limit.
    """

    weights: npt.NDArray[np.float32]
    bias: float


@dataclass(frozen=True, eq=False)
class Material:
    """What a detector is fitted to and measured with, for any network: images uint8 [n, 28, 28].

    Attributes:
        digits: training digits, as they are and drawn.
        outliers: drawings of the fitted families.
        held: validation digits, as they are and drawn: these set the limit.
        fresh: by family, drawings made from validation digits; of the fitted families and of
            others.
    """

    digits: Images
    outliers: Images
    held: Images
    fresh: Mapping[str, Images]


def prepare(parts: Split, drawn: Images) -> Material | None:
    """Draw what detectors of any network are fitted to and measured with.

    Args:
        parts: training and validation digits.
        drawn: uint8 [n, 28, 28], what networks see of drawings of validation digits, see
            `trainer.freehand.drawings`.

    Returns:
        The material; None of a set too small to have some of each digit.
    """
    count = min(_DIGITS, -(-len(parts.y_train) // _SHARE))
    chosen = np.random.default_rng(_SEED).permutation(len(parts.y_train))[:count]
    traced = _traced(parts.x_train[chosen], parts.y_train[chosen])
    from_validation = _traced(parts.x_validation[:count], parts.y_validation[:count])
    if any(
        {label for _, label in digits} != set(range(len(LABELS)))
        for digits in (traced, from_validation)
    ):
        return None
    fitted, _ = make(FITTED, min(_OUTLIERS, count * _OUTLIERS // _DIGITS), traced, _SEED)
    return Material(
        digits=np.concatenate([parts.x_train[chosen], _drawn([strokes for strokes, _ in traced])]),
        outliers=_drawn(fitted),
        held=np.concatenate([parts.x_validation, drawn]),
        fresh=_by_family({**FITTED, **UNSEEN}, count // 2, from_validation),
    )


def fit(model: keras.Model, material: Material) -> Detector:
    """Fit the score of one network, and set its limit.

    Args:
        model: from float32 [n, 28, 28, 1] in 0..1 to probabilities; its last layer is dense with
            softmax, or that of each network that it averages.
        material: of `prepare`.
    """
    known = _ask(_evidence(model), np.concatenate([material.digits, material.outliers]))
    outside = np.arange(len(known)) >= len(material.digits)
    fitted = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=1 / _PENALTY, class_weight="balanced", max_iter=1_000),
    ).fit(known, outside)
    weights = (fitted[-1].coef_[0] / fitted[0].scale_).astype(np.float32)
    limit = np.quantile(_ask(_evidence(model), material.held) @ weights, 1 - FALSE_REJECTION)
    return Detector(weights, -float(limit))


def scorer(model: keras.Model, detector: Detector) -> Score:
    """The score as a function for the exported graph: above `digits.contract.NOT_A_DIGIT` means
    that it is none."""
    evidence = _evidence(model)
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
        return probabilities, _score(tf.concat(evidence, -1), detector)

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


def _evidence(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """What a network's layers say of pixels, float32 [n, 28, 28, 1]: float32 [n, k]."""
    parts = [_of_one(member) for member in members(model)]
    return lambda pixels: tf.concat([part(pixels)[0] for part in parts], -1)


def _of_one(network: keras.Model) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """From pixels to one network's evidence and its logits, float32 [n, classes]."""
    pools = [
        layer.output for layer in network.layers if isinstance(layer, keras.layers.MaxPooling2D)
    ]
    small = [pool for pool in pools if pool.shape[1] * pool.shape[2] <= _LARGEST_MAP]
    head = network.layers[-1]
    inside = keras.Model(network.inputs, [*small, head.input])

    def evidence(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        *maps, features = (
            tf.cast(values, tf.float32) for values in inside([pixels], training=False)
        )
        logits = tf.matmul(features, head.kernel) + head.bias
        first, second = tf.unstack(tf.math.top_k(logits, 2).values, axis=-1)
        energy = tf.reduce_logsumexp(logits, -1)
        # Maps are relu's, so at least 0; their root, since a doubt is in what is there at all
        # rather than in how much.
        flat = [
            tf.sqrt(tf.reshape(pooled, [-1, int(np.prod(pooled.shape[1:]))])) for pooled in maps
        ]
        return tf.concat([*flat, tf.stack([energy, first - second], -1)], -1), logits

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


def _traced(images: Images, labels: Classes) -> Digits:
    return [
        (strokes, int(label))
        for image, label in zip(images, labels, strict=True)
        if (strokes := trace(image)) is not None
    ]


def _by_family(families: Mapping[str, Family], count: int, digits: Digits) -> dict[str, Images]:
    return {
        name: _drawn(make({name: family}, count // len(families), digits, _SEED + 1)[0])
        for name, family in families.items()
    }


def _drawn(drawings: Sequence[Strokes]) -> Images:
    """What networks see of drawings on a small clean canvas, each with a pen of its own."""
    generator = np.random.default_rng(_SEED)
    return see([paint(strokes, _plain(generator), generator) for strokes in drawings])


def _plain(generator: np.random.Generator) -> Look:
    pen, tilt = (str(generator.choice(FACTORS[factor])) for factor in ("pen", "tilt"))
    return Look(
        pen=pen,
        size="large",
        place="middle",
        tilt=tilt,
        canvas="100x100",
        ink="white on black",
        trouble="none",
    )
