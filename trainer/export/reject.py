"""A small network that tells digits from other characters; its answer is part of `ood_score`.

It sees what the digit networks never do: the drawings of `trainer.freehand.outliers`. It names the
digits too, since what makes a 3 a 3 is what a letter lacks.
Why there is an eleventh class, for what is no digit: with one output instead 43 % of letters
passed, with the class 30 % (docs/experiments.md).
"""

from collections.abc import Callable, Iterator
from typing import Final

import keras
import numpy as np
import tensorflow as tf

from digits.contract import IMAGE_SIZE, LABELS
from trainer.data.arrays import Classes, Images
from trainer.data.augmentation import augment, draw_parameters
from trainer.networks.inference import as_input
from trainer.recipes import Augmentation

NONE: Final = len(LABELS)
"""Class of what is no digit."""
_CONVOLUTIONS: Final = ((16, 1), (24, 2), (32, 1), (48, 2), (48, 1), (48, 2))
"""Filters and stride of each convolution, 3x3."""
_UNITS: Final = 32
_MOMENTUM: Final = 0.9
"""Of the batch-norm statistics: the training has few steps."""
_AUGMENTATION: Final = Augmentation(
    rotation=10, scale=0.12, shear=8, shift=0.7, elastic=0.5, stroke=0.4
)
_EPOCHS: Final = 10
_BATCH: Final = 128
_LEARNING_RATE: Final = 2e-3
_WARMUP: Final = 0.1
"""Share of the steps in which the learning rate rises, before it falls by a cosine."""
_SEED: Final = 20267

_Step = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], None]


def train(images: Images, classes: Classes) -> keras.Model:
    """Train the network.

    Args:
        images: uint8 [n, 28, 28].
        classes: uint8 [n], the digit, or `NONE`.

    Returns:
        From float32 [n, 28, 28, 1] in 0..1 to logits, float32 [n, 11], of each digit and of none.
    """
    network = build()
    step = _stepper(network, _optimizer(_EPOCHS * -(-len(images) // _BATCH)))
    for epoch in range(1, _EPOCHS + 1):
        parameters = draw_parameters(_AUGMENTATION, len(images), _SEED, epoch)
        order = np.random.default_rng([_SEED, epoch]).permutation(len(images))
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            step(*(tf.constant(part[chosen]) for part in (images, classes, parameters)))
    return network


def build() -> keras.Model:
    """The network with fresh weights, always the same."""
    initializers = _initializers()
    image = features = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="image")
    for filters, stride in _CONVOLUTIONS:
        convolve = keras.layers.Conv2D(
            filters,
            3,
            strides=stride,
            padding="same",
            use_bias=False,
            kernel_initializer=next(initializers),
        )
        features = _normalised(convolve(features))
    dense = keras.layers.Dense(_UNITS, use_bias=False, kernel_initializer=next(initializers))
    features = _normalised(dense(keras.layers.Flatten()(features)))
    head = keras.layers.Dense(NONE + 1, kernel_initializer=next(initializers))
    return keras.Model(image, head(features), name="reject")


def doubt(network: keras.Model, pixels: tf.Tensor) -> tf.Tensor:
    """The network's log odds that pixels, float32 [n, 28, 28, 1], are no digit: float32 [n]."""
    logits = network(pixels, training=False)
    return logits[:, NONE] - tf.reduce_logsumexp(logits[:, :NONE], -1)


def _initializers() -> Iterator[keras.initializers.Initializer]:
    """One with a seed of its own for each layer, so that nothing global is seeded."""
    seed = _SEED
    while True:
        yield keras.initializers.GlorotUniform(seed)
        seed += 1


def _normalised(features: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=_MOMENTUM)(features))


def _optimizer(steps: int) -> keras.Optimizer:
    warmup = int(_WARMUP * steps)
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            0.0, steps - warmup, warmup_target=_LEARNING_RATE, warmup_steps=warmup
        )
    )


def _stepper(network: keras.Model, optimizer: keras.Optimizer) -> _Step:
    """One step of training, traced once for batches of every size."""
    optimizer.build(network.trainable_variables)

    def step(images: tf.Tensor, classes: tf.Tensor, parameters: tf.Tensor) -> None:
        pixels = augment(as_input(images), parameters)
        with tf.GradientTape() as tape:
            logits = network(pixels, training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(classes, tf.int32), logits)
            )
        variables = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    traced: _Step = tf.function(step, reduce_retracing=True)
    return traced
