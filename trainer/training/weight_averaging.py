"""The exponential moving average (EMA) of the weights, more accurate than the weights of any step.

Source: Polyak and Juditsky 1992; the slow start as in TensorFlow's ExponentialMovingAverage.
"""

from typing import Final

import keras
import tensorflow as tf

from trainer.data.arrays import Images
from trainer.networks.inference import as_input

_STATISTICS_IMAGES: Final = 4_000
"""Images that batch-norm statistics are computed on: their error is then below 2 % of a standard
deviation."""


def update_ema(ema: keras.Model, model: keras.Model, decay: float, steps: tf.Tensor) -> None:
    """Move the trainable weights of `ema` towards those of `model`, after one training step.

    Args:
        ema: another network of the same architecture.
        model: the one that is trained.
        decay: share of the old average that stays, 0..1; less in the first steps.
        steps: integer [], steps trained before.
    """
    done = tf.cast(steps, tf.float32)
    share = 1 - tf.minimum(decay, (1 + done) / (10 + done))
    for old, new in zip(ema.trainable_variables, model.trainable_variables, strict=True):
        old.assign_add(share * (new - old))


def recompute_batch_norm(ema: keras.Model, images: Images) -> None:
    """Recompute the batch-norm statistics of `ema` from its own layers: no batch was ever trained
    with averaged weights.

    Layer after layer, without dropout and augmentation, as in inference.

    Args:
        ema: a chain of layers.
        images: uint8 [n, 28, 28], training images; the first 4,000 are taken.
    """
    features = as_input(tf.constant(images[:_STATISTICS_IMAGES]))
    for layer in ema.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if isinstance(layer, keras.layers.BatchNormalization):
            mean, variance = tf.nn.moments(
                tf.cast(features, tf.float32), list(range(features.shape.rank - 1))
            )
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(variance)
        features = layer(features, training=False)
