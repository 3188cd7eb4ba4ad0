"""A small network of convolutions alone: its predictions are targets for the others (`trainer
--recipe teacher`), and it is never published.

A quarter of conv3's arithmetic, and batch normalisation after every convolution, so it learns
something else than the three networks do. Source: Deotte 2018, "25 Million Images! [0.99757] MNIST"
on Kaggle; convolutions with stride in place of pools: Springenberg et al. 2015, arXiv 1412.6806.
"""

from typing import Final, NamedTuple

import keras

from digits.contract import IMAGE_SIZE

NAME: Final = "allconv"
_DROPOUT: Final = 0.2


class _Convolution(NamedTuple):
    filters: int
    side: int
    stride: int = 1
    padding: str = "valid"


_STAGES: Final = (
    (_Convolution(32, 3), _Convolution(32, 3), _Convolution(32, 5, 2, "same")),
    (_Convolution(64, 3), _Convolution(64, 3), _Convolution(64, 5, 2, "same")),
    (_Convolution(128, 4),),
)
"""Convolutions by the size of their maps; dropout after each of these."""


def build(classes: int, policy: str) -> keras.Model:
    """Build it with fresh weights.

    Args:
        classes: how many labels it tells apart.
        policy: Keras' name of the arithmetic, such as "mixed_bfloat16".

    Returns:
        A model from `image`, float32 [n, 28, 28, 1] in 0..1, to probabilities, float32 [n,
        classes].
    """
    image = features = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="image")
    for stage in _STAGES:
        for filters, side, stride, padding in stage:
            convolve = keras.layers.Conv2D(
                filters, side, strides=stride, padding=padding, activation="relu", dtype=policy
            )
            features = keras.layers.BatchNormalization(dtype=policy)(convolve(features))
        features = keras.layers.Dropout(_DROPOUT, dtype=policy)(features)
    features = keras.layers.Flatten(dtype=policy)(features)
    probabilities = keras.layers.Dense(
        classes, activation="softmax", dtype="float32", name="probabilities"
    )(features)
    return keras.Model(image, probabilities, name=NAME)
