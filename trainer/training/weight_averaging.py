"""The exponential moving average (EMA) of the weights, more accurate than the weights of any step.

Source: Polyak and Juditsky 1992; the slow start as in TensorFlow's ExponentialMovingAverage.
"""

from typing import Final

import keras
import numpy as np
import tensorflow as tf

from trainer.data.arrays import Images
from trainer.networks.inference import as_input

_STATISTICS_IMAGES: Final = 4_000
"""Images that batch-norm statistics are computed on: their error is then below 2 % of a standard
deviation."""
_BATCH: Final = 64
"""Images of a batch in training, about."""


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
        images: uint8 [n, 28, 28], all training images; 4,000 of them are taken, evenly, so that
            what was added to a data set has its share.
    """
    chosen = np.linspace(0, len(images) - 1, min(_STATISTICS_IMAGES, len(images)), dtype=np.int64)
    features = as_input(tf.constant(images[chosen]))
    for layer in ema.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if isinstance(layer, keras.layers.BatchNormalization):
            values = tf.cast(features, tf.float32)
            layer.moving_mean.assign(tf.reduce_mean(values, list(range(values.shape.rank - 1))))
            layer.moving_variance.assign(_variance(values))
        features = layer(features, training=False)


def _variance(values: tf.Tensor) -> tf.Tensor:
    """The variance of each channel of float32 [n, ..., channels]. Of a channel that most batches
    see nothing of, that in the batches that do; 1 of one that is always the same.

    A ReLU that fires for one image in thousands has next to no variance among all images, so it
    would be divided by next to nothing: an answer far surer than any in training, where the batch
    of the image had a variance. One such unit gave log losses of 16 (docs/experiments.md).
    """
    inner = list(range(values.shape.rank - 1))
    size = min(_BATCH, len(values))
    count = len(values) // size
    batches = tf.reshape(values[: count * size], [count, size, *values.shape[1:]])
    within = tf.math.reduce_variance(batches, [axis + 1 for axis in inner])
    fires = tf.math.count_nonzero(within > 0, 0, dtype=tf.float32)
    rare = tf.where(fires > 0, tf.reduce_sum(within, 0) / tf.maximum(fires, 1), 1)
    return tf.where(fires == float(count), tf.math.reduce_variance(values, inner), rare)
