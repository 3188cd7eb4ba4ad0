"""Ask a network about many images."""

from collections.abc import Callable
from typing import Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from digits.contract import scale
from trainer.data.arrays import Images

BATCH: Final = 500
"""Images at once; larger batches are no faster on a processor and need more memory."""


def as_input(images: tf.Tensor) -> tf.Tensor:
    """Turn pixels, uint8 [n, 28, 28], into the networks' input, float32 [n, 28, 28, 1] in 0..1."""
    return scale(tf.cast(images, tf.float32))[..., tf.newaxis]


def predict(model: keras.Model, images: Images) -> npt.NDArray[np.float32]:
    """Return the probabilities of every class, float32 [n, classes], for images uint8 [n, 28,
    28]."""
    return predictor(model)(images)


def predictor(model: keras.Model) -> Callable[[Images], npt.NDArray[np.float32]]:
    """`predict` for one network that is asked again and again: compiled once, it answers with the
    weights of the moment."""

    @tf.function(reduce_retracing=True, autograph=False)
    def answer(batch: tf.Tensor) -> tf.Tensor:
        return model(as_input(batch), training=False)

    def ask(images: Images) -> npt.NDArray[np.float32]:
        batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
        return np.concatenate([answer(tf.constant(batch)).numpy() for batch in batches])

    return ask
