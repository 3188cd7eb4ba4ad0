"""Augmentation: each image is distorted anew in every epoch.

What happens to image i in epoch e is row i of a table drawn from (seed, e) alone: not from the
order of the images, the batch or the worker that meets it, so that a resumed run, a second worker
and a second network see the same images. The warp is a gather and bilinear arithmetic: it runs
where the images lie, and XLA compiles it, which Keras' own geometric layers and TensorFlow's image
transform forbid.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from digits.contract import IMAGE_SIZE
from trainer.recipes import Augmentation

_NODES: Final = 5
"""Elastic distortion is drawn on a grid of 5 x 5 nodes and interpolated smoothly between them."""
_SMOOTHNESS: Final = 0.6
"""Standard deviation of the interpolating Gaussian, in distances between nodes: wide enough to show
no grid."""
_AFFINE: Final = 7
"""Columns of the table before the elastic ones: rotation, two scales, shear, two shifts, stroke
width."""

AugmentationParameters = npt.NDArray[np.float32]
"""float32 [n, columns]: the augmentation parameters of each image in one epoch; no
columns: none."""


def draw_parameters(
    augmentation: Augmentation | None, images: int, seed: int, epoch: int
) -> AugmentationParameters:
    """Draw the augmentation parameters of one epoch.

    Args:
        augmentation: bounds of the parameters; None leaves the images as they are.
        images: how many.
        seed: of the data, the same for networks that are to see the same augmented images.
        epoch: number of the epoch, from 1.
    """
    if augmentation is None:
        return np.zeros((images, 0), np.float32)
    generator = np.random.default_rng([seed, epoch, images])
    bounds = np.array(
        [
            np.deg2rad(augmentation.rotation),
            augmentation.scale,
            augmentation.scale,
            np.tan(np.deg2rad(augmentation.shear)),
            augmentation.shift,
            augmentation.shift,
            augmentation.stroke,
        ]
    )
    even = generator.uniform(-1, 1, (images, _AFFINE)) * bounds
    elastic = generator.normal(0, 1, (images, 2 * _NODES**2)) * augmentation.elastic
    return np.concatenate([even, elastic], axis=1).astype(np.float32)


def augment(pixels: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
    """Augment images.

    Args:
        pixels: float32 [n, 28, 28, 1], paper 0.
        parameters: float32 [n, columns], rows of `draw_parameters`.

    Returns:
        float32 [n, 28, 28, 1].
    """
    if parameters.shape[1] == 0:
        return pixels
    return _sample(_restroke(pixels, parameters[:, _AFFINE - 1]), _sources(parameters))


def _restroke(pixels: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Go `amount` of the way, -1..1, to the image eroded (-1) or dilated (1) by 3 x 3 pixels."""
    thick = tf.nn.max_pool2d(pixels, 3, 1, "SAME")
    thin = -tf.nn.max_pool2d(-pixels, 3, 1, "SAME")
    share = amount[:, tf.newaxis, tf.newaxis, tf.newaxis]
    return pixels + tf.nn.relu(share) * (thick - pixels) + tf.nn.relu(-share) * (thin - pixels)


def _sources(parameters: tf.Tensor) -> tf.Tensor:
    """Where each pixel of the augmented image is in the original one: float32 [n, 2, 28, 28], row
    and column in pixels."""
    middle = (IMAGE_SIZE - 1) / 2
    row, column = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE].astype(np.float32) - np.float32(middle)
    angle, high, wide, shear, down, right = (
        parameters[:, number, tf.newaxis, tf.newaxis] for number in range(_AFFINE - 1)
    )
    slanted = column + shear * row
    rows = (tf.cos(angle) * row - tf.sin(angle) * slanted) * (1 + high) + down
    columns = (tf.sin(angle) * row + tf.cos(angle) * slanted) * (1 + wide) + right
    return tf.stack([rows, columns], axis=1) + middle + _elastic(parameters[:, _AFFINE:])


def _elastic(nodes: tf.Tensor) -> tf.Tensor:
    """Interpolate the nodes' displacements, float32 [n, 2 * nodes], over the image: float32
    [n, 2, 28, 28]."""
    place = np.linspace(0, _NODES - 1, IMAGE_SIZE)[:, np.newaxis] - np.arange(_NODES)
    weights = np.exp(-((place / _SMOOTHNESS) ** 2) / 2)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    grid = tf.reshape(nodes, [-1, 2, _NODES, _NODES])
    return tf.matmul(tf.matmul(weights, grid), weights, transpose_b=True)


def _sample(pixels: tf.Tensor, sources: tf.Tensor) -> tf.Tensor:
    """Read images at fractional places, bilinearly; everything outside is paper.

    Args:
        pixels: float32 [n, 28, 28, 1].
        sources: float32 [n, 2, 28, 28], row and column in pixels.

    Returns:
        float32 [n, 28, 28, 1].
    """
    # A frame of paper, one pixel before and two after: whatever lies outside meets paper only.
    framed = IMAGE_SIZE + 3
    flat = tf.reshape(tf.pad(pixels[..., 0], [[0, 0], [1, 2], [1, 2]]), [-1, framed**2])
    places = tf.clip_by_value(sources + 1, 0.0, framed - 2.0)
    whole = tf.floor(places)
    share = places - whole
    corner = tf.cast(whole[:, 0] * framed + whole[:, 1], tf.int32)

    def neighbour(down: int, right: int) -> tf.Tensor:
        return tf.gather(flat, corner + (down * framed + right), batch_dims=1)

    upper = neighbour(0, 0) + share[:, 1] * (neighbour(0, 1) - neighbour(0, 0))
    lower = neighbour(1, 0) + share[:, 1] * (neighbour(1, 1) - neighbour(1, 0))
    return (upper + share[:, 0] * (lower - upper))[..., tf.newaxis]
