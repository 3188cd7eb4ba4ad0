"""The ways to call an exported model, as TensorFlow functions on top of one network."""

from collections.abc import Callable
from typing import Final

import keras
import tensorflow as tf

from digits import contract
from digits.contract import (
    CLASSIFY,
    CLASSIFY_FEATURE,
    DRAWINGS,
    EXPLAIN,
    FEATURE_MAPS,
    OOD_SCORE,
    PREDICT,
    Problem,
)
from trainer.evaluation.temperature import UNCHANGED, calibrate
from trainer.export import feature_maps
from trainer.export.ood import Detector, answerer
from trainer.networks.architecture import members
from trainer.networks.inference import as_input
from trainer.preprocessing.decode import attempt
from trainer.preprocessing.drawing import normalise

Tensors = dict[str, tf.Tensor]

_BLUR: Final = (0.25, 0.5, 0.25)
"""Saliency is smoothed over 3 x 3 pixels (binomial), since pooling leaves the gradient on every
other pixel."""


def endpoints(
    model: keras.Model,
    labels: tuple[str, ...],
    temperature: float = UNCHANGED,
    detector: Detector | None = None,
) -> dict[str, Callable[[tf.Tensor], Tensors]]:
    """Make the function behind each signature of the contract.

    Args:
        model: from float32 [n, 28, 28, 1] in 0..1 to probabilities float32 [n, k]; its last layer
            is dense with softmax, or that of each network that it averages.
        labels: text of each of the k classes.
        temperature: calibrates the probabilities, see `trainer.evaluation.temperature`.
        detector: of what is no digit, see `trainer.export.ood`; None leaves the output `ood_score`
            out.

    Returns:
        By the signature's name, a function of its one input; its outputs have the contract's names,
        types and shapes.
    """

    answer = answerer(model, detector) if detector else None

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def read(png: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return normalise(png)  # one traced copy for the two signatures that need it

    def predict(images: tf.Tensor) -> Tensors:
        return _answers(model(as_input(images), training=False), temperature)

    def drawings(png: tf.Tensor) -> Tensors:
        images, problem = read(png)
        seen = {"images": images, "problem": problem}
        if answer is None:
            return seen | _unless(problem, predict(images))
        probabilities, score = answer(as_input(images))
        answers = _answers(probabilities, temperature) | {OOD_SCORE: score}
        return seen | _unless(problem, answers)

    def explain(images: tf.Tensor) -> Tensors:
        probabilities, saliency = _explained(model, as_input(images))
        return _answers(probabilities, temperature) | {"saliency": saliency}

    def see(images: tf.Tensor) -> Tensors:
        return {"maps": feature_maps.compute(members(model)[0], as_input(images))}

    def classify(inputs: tf.Tensor) -> Tensors:
        images, problem = read(tf.map_fn(_encoded_image, inputs))
        return _scored(predict(images)["probabilities"], problem, labels)

    functions = {
        PREDICT: predict,
        DRAWINGS: drawings,
        EXPLAIN: explain,
        CLASSIFY: classify,
        FEATURE_MAPS: see,
    }
    return {
        name: _as_promised(signature, functions[name])
        for name, signature in promised(model, scored=detector is not None).items()
    }


def promised(model: keras.Model, *, scored: bool) -> dict[str, contract.Signature]:
    """The signatures of a network's export: those of the contract, with what is optional and can be
    had.

    Args:
        model: what is exported.
        scored: whether `drawings` has the output `ood_score`.
    """
    classes = model.output_shape[-1]
    found = contract.signatures(classes, complete=True)
    if not scored:
        found |= {DRAWINGS: contract.signatures(classes)[DRAWINGS]}
    if not feature_maps.can_be_had(members(model)[0]):
        del found[FEATURE_MAPS]
    return found


def _scored(probabilities: tf.Tensor, problem: tf.Tensor, labels: tuple[str, ...]) -> Tensors:
    """Probabilities in the form of TensorFlow Serving's Classify. It has no room for a problem; a
    score of 0 for every class says that there was nothing to read."""
    classes = tf.tile(tf.constant([labels]), [tf.shape(problem)[0], 1])
    scores = tf.where((problem == Problem.NONE)[:, tf.newaxis], probabilities, 0)
    return {"classes": classes, "scores": scores}


def input_spec(signature: contract.Signature) -> tf.TensorSpec:
    """The one input of a signature."""
    (tensor,) = signature.inputs
    return tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name)


def _as_promised(
    signature: contract.Signature, function: Callable[[tf.Tensor], Tensors]
) -> Callable[[tf.Tensor], Tensors]:
    """Hold a function to its signature: servers show the outputs' shapes, and refuse an input of
    another shape.

    An empty batch, which fused convolutions refuse, is filled up with one item whose answer is
    dropped.
    """
    (given,) = signature.inputs

    def promised(value: tf.Tensor) -> Tensors:
        value = tf.ensure_shape(value, given.shape)
        count = tf.shape(value)[0]
        filler = tf.zeros([tf.cast(count == 0, tf.int32), *given.shape[1:]], given.dtype)
        outputs = function(tf.concat([value, filler], 0))
        return {
            tensor.name: tf.ensure_shape(outputs[tensor.name][:count], tensor.shape)
            for tensor in signature.outputs
        }

    return promised


def _answers(probabilities: tf.Tensor, temperature: float) -> Tensors:
    """What every signature answers; the one place that calibrates. The digit is the network's own,
    so rounding cannot change it."""
    return {
        "probabilities": calibrate(probabilities, temperature),
        "digit": tf.argmax(probabilities, -1, tf.int64),
    }


def _unless(problem: tf.Tensor, answers: Tensors) -> Tensors:
    """Answers that cannot be taken for one where there is a problem: every class as probable as the
    others, and no digit at all."""
    read = tf.equal(problem, Problem.NONE)
    probabilities = answers["probabilities"]
    nothing = {
        "probabilities": tf.ones_like(probabilities) / probabilities.shape[-1],
        "digit": tf.zeros_like(answers["digit"]),
        OOD_SCORE: 1.0,
    }
    return {
        name: tf.where(
            read[:, tf.newaxis] if name == "probabilities" else read, value, nothing[name]
        )
        for name, value in answers.items()
    }


def _explained(model: keras.Model, pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The network's probabilities, and how much each pixel matters for the winning class: float32
    [n, 28, 28], at most 1.

    The gradient is that of the winner's logit less the mean of the others': unlike the
    probability's, it does not fade when the network is sure. Of an ensemble, it is that of the
    members' mean logits.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(pixels)
        of_each = [_logits(member, pixels) for member in members(model)]
        probabilities = tf.add_n([tf.nn.softmax(logits) for logits in of_each]) / len(of_each)
        logits = tf.add_n(of_each) / len(of_each)
        winner = tf.one_hot(tf.argmax(probabilities, -1), logits.shape[-1])
        margin = tf.reduce_sum(logits * winner) - tf.reduce_sum(logits * (1 - winner)) / (
            logits.shape[-1] - 1
        )
    gradient = tf.abs(tape.gradient(margin, pixels))
    kernel = tf.constant(_BLUR)[:, tf.newaxis] * tf.constant(_BLUR)
    smooth = tf.nn.conv2d(gradient, kernel[..., tf.newaxis, tf.newaxis], 1, "SAME")[..., 0]
    largest = tf.reduce_max(smooth, [1, 2], keepdims=True)
    return probabilities, tf.math.divide_no_nan(smooth, largest)


def _logits(network: keras.Model, pixels: tf.Tensor) -> tf.Tensor:
    """What the network's last layer hands to its softmax, float32 [n, k]."""
    head = network.layers[-1]
    features = keras.Model(network.inputs, head.input)
    return tf.matmul(tf.cast(features(pixels, training=False), tf.float32), head.kernel) + head.bias


def _encoded_image(example: tf.Tensor) -> tf.Tensor:
    """The encoded drawing inside one serialized tf.Example, string [] -> string []; empty where
    there is none."""

    def parse(serialized: tf.Tensor) -> tf.Tensor:
        return tf.io.parse_single_example(
            serialized, {CLASSIFY_FEATURE: tf.io.FixedLenFeature([], tf.string)}
        )[CLASSIFY_FEATURE]

    return attempt(parse, example, tf.constant(b""))
