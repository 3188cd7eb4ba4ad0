"""What a network's layers see in an image: the signature `feature_maps` of an exported model."""

from typing import Final

import keras
import tensorflow as tf

from digits.contract import FEATURE_MAPS_SHAPE, PIXEL_MAX

_LAYERS, _MAPS, *_SIZE = FEATURE_MAPS_SHAPE
_NEAREST: Final = "nearest"


def can_be_had(network: keras.Model) -> bool:
    """Whether a network has that many convolutions before pools, each with that many maps."""
    seen = _before_pools(network)
    return len(seen) == _LAYERS and all(layer.shape[-1] >= _MAPS for layer in seen)


def compute(network: keras.Model, pixels: tf.Tensor) -> tf.Tensor:
    """What the layers see.

    Args:
        network: one of which `can_be_had` is true.
        pixels: float32 [n, 28, 28, 1] in 0..1.

    Returns:
        uint8 [n, *FEATURE_MAPS_SHAPE]: of what goes into each of the first pools the maps with the
        largest mean, strongest first. The brightest pixel of a layer is 255; no map is negative, as
        each comes out of a ReLU.
    """
    inside = keras.Model(network.inputs, _before_pools(network))
    layers = inside([pixels], training=False)
    return tf.stack([_strongest(tf.cast(layer, tf.float32)) for layer in layers], 1)


def _before_pools(network: keras.Model) -> list[keras.KerasTensor]:
    pools = [layer for layer in network.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    return [pool.input for pool in pools[:_LAYERS]]


def _strongest(layer: tf.Tensor) -> tf.Tensor:
    """Of one layer, float32 [n, h, w, k]: uint8 [n, maps, 28, 28]."""
    maps = tf.transpose(layer, [0, 3, 1, 2])
    order = tf.math.top_k(tf.reduce_mean(maps, [2, 3]), _MAPS).indices
    chosen = tf.gather(maps, order, batch_dims=1)
    share = tf.math.divide_no_nan(chosen, tf.reduce_max(chosen, [1, 2, 3], keepdims=True))
    # As images with one channel each, of any number, and not transposed again: TensorFlow would
    # do that in uint8, and log an error on processors where oneDNN cannot.
    images = tf.reshape(share, [-1, *layer.shape[1:3], 1])
    large = tf.round(tf.image.resize(images, _SIZE, _NEAREST) * PIXEL_MAX)
    return tf.cast(tf.reshape(large, [-1, _MAPS, *_SIZE]), tf.uint8)
