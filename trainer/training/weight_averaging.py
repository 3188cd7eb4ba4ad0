"""The moving average of the weights, which reads better than the weights of any one step.

Source: Polyak and Juditsky 1992; the slow start as in TensorFlow's ExponentialMovingAverage.
"""

from typing import Final

import keras
import tensorflow as tf

from trainer.data.arrays import Images
from trainer.networks.inference import as_input

_RE_ESTIMATED_ON: Final = 4_000
"""Images that batch statistics are taken from: their error is then below 2 % of a standard
deviation."""


def follow(average: keras.Model, model: keras.Model, keep: float, steps: tf.Tensor) -> None:
    """Move the trainable weights of `average` towards those of `model`, after one training step.

    Args:
        average: another network of the same architecture.
        model: the one that is trained.
        keep: share of the old average that stays, 0..1; less in the first steps, which know little.
        steps: integer [], steps trained before.
    """
    done = tf.cast(steps, tf.float32)
    share = 1 - tf.minimum(keep, (1 + done) / (10 + done))
    for old, new in zip(average.trainable_variables, model.trainable_variables, strict=True):
        old.assign_add(share * (new - old))


def re_estimate(average: keras.Model, images: Images) -> None:
    """Set the batch-normalisation statistics of `average` to what its own layers give: averaged
    weights never saw a batch.

    Layer after layer, dropout off, on plain images: as it will be used.

    Args:
        average: a chain of layers.
        images: uint8 [n, 28, 28], training images; the first 4,000 are taken.
    """
    features = as_input(tf.constant(images[:_RE_ESTIMATED_ON]))
    for layer in average.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if isinstance(layer, keras.layers.BatchNormalization):
            mean, variance = tf.nn.moments(
                tf.cast(features, tf.float32), list(range(features.shape.rank - 1))
            )
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(variance)
        features = layer(features, training=False)
