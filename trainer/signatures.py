"""The four ways to call an exported model, as TensorFlow functions on top of one network."""

from collections.abc import Callable
from typing import Final

import keras
import tensorflow as tf

from digits import contract
from digits.contract import CLASSIFY, CLASSIFY_FEATURE, DRAWINGS, EXPLAIN, PREDICT, Problem
from trainer.decode import attempt
from trainer.drawing import normalise
from trainer.predict import as_input

Tensors = dict[str, tf.Tensor]

_LEAST: Final = 1e-30
"""Probabilities are not told apart below this, which keeps their logarithms finite in float32."""
_BLUR: Final = (0.25, 0.5, 0.25)
"""Saliency is smoothed over 3 x 3 pixels (binomial), since pooling leaves the gradient on every other pixel."""


def endpoints(model: keras.Model, labels: tuple[str, ...]) -> dict[str, Callable[[tf.Tensor], Tensors]]:
    """Make the function behind each signature of the contract.

    Args:
        model: from float32 [n, 28, 28, 1] in 0..1 to probabilities float32 [n, k].
        labels: text of each of the k classes.

    Returns:
        By the signature's name, a function of its one input; its outputs have the contract's names, types and shapes.
    """

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def read(png: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return normalise(png)  # one traced copy for the two signatures that need it

    def predict(images: tf.Tensor) -> Tensors:
        return _answers(model(as_input(images), training=False))

    def drawings(png: tf.Tensor) -> Tensors:
        images, problem = read(png)
        return predict(images) | {"images": images, "problem": problem}

    def explain(images: tf.Tensor) -> Tensors:
        return _explained(model, as_input(images))

    def classify(inputs: tf.Tensor) -> Tensors:
        images, problem = read(tf.map_fn(_encoded_image, inputs))
        scores = predict(images)["probabilities"]
        classes = tf.tile(tf.constant([labels]), [tf.shape(inputs)[0], 1])
        # This form has no room for a problem; a score of 0 for every class says that there was nothing to read.
        return {"classes": classes, "scores": tf.where((problem == Problem.NONE)[:, tf.newaxis], scores, 0)}

    functions = {PREDICT: predict, DRAWINGS: drawings, EXPLAIN: explain, CLASSIFY: classify}
    return {name: _as_promised(signature, functions[name]) for name, signature in contract.signatures(len(labels)).items()}


def input_spec(signature: contract.Signature) -> tf.TensorSpec:
    """The one input of a signature."""
    (tensor,) = signature.inputs
    return tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name)


def _as_promised(signature: contract.Signature, function: Callable[[tf.Tensor], Tensors]) -> Callable[[tf.Tensor], Tensors]:
    """Write the contract's shapes into the graph, so that a server's metadata shows them."""

    def promised(value: tf.Tensor) -> Tensors:
        outputs = function(value)
        return {tensor.name: tf.ensure_shape(outputs[tensor.name], tensor.shape) for tensor in signature.outputs}

    return promised


def _answers(probabilities: tf.Tensor) -> Tensors:
    return {"probabilities": probabilities, "digit": tf.argmax(probabilities, -1, tf.int64)}


def _explained(model: keras.Model, pixels: tf.Tensor) -> Tensors:
    """Answers, and how much each pixel speaks for the winning class: float32 [n, 28, 28], at most 1.

    The gradient is that of the winner's log-probability less the mean of the others'. This is the winner's logit but
    for a constant, so it does not fade as the probability itself does when the network is sure.
    """
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        probabilities = model(pixels, training=False)
        logs = tf.math.log(tf.maximum(probabilities, _LEAST))
        winner = tf.one_hot(tf.argmax(probabilities, -1), tf.shape(logs)[-1])
        margin = tf.reduce_sum(logs * winner) - tf.reduce_sum(logs * (1 - winner)) / tf.cast(tf.shape(logs)[-1] - 1, tf.float32)
    gradient = tf.abs(tape.gradient(margin, pixels))
    kernel = tf.constant(_BLUR)[:, tf.newaxis] * tf.constant(_BLUR)
    smooth = tf.nn.conv2d(gradient, kernel[..., tf.newaxis, tf.newaxis], 1, "SAME")[..., 0]
    largest = tf.reduce_max(smooth, [1, 2], keepdims=True)
    return _answers(probabilities) | {"saliency": tf.math.divide_no_nan(smooth, largest)}


def _encoded_image(example: tf.Tensor) -> tf.Tensor:
    """The encoded drawing inside one serialized tf.Example, string [] -> string []; empty where there is none."""

    def parse(serialized: tf.Tensor) -> tf.Tensor:
        return tf.io.parse_single_example(serialized, {CLASSIFY_FEATURE: tf.io.FixedLenFeature([], tf.string)})[CLASSIFY_FEATURE]

    return attempt(parse, example, tf.constant(b""))
