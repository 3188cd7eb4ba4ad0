"""Thicken the pen and place the ink as MNIST does, for a whole batch of small canvases."""

import math
from typing import Final, NamedTuple

import numpy as np
import tensorflow as tf

from digits.contract import IMAGE_SIZE, INK_BOX, PIXEL_MAX
from trainer.preprocessing.orientation import axes, turn

_WORK_BOX: Final = 4 * INK_BOX
"""Longest side of the ink while it is thickened; four times finer than the result, so that strokes
stay smooth."""
_PEN: Final = 2.1
"""Thinner pens are thickened to this width, in pixels of the result. MNIST's own by `_pen_width`
have a median of 2.52, but a wider pen closes small loops. Source:
docs/experiments.md."""
_MARGIN: Final = 2
"""Pixels around the thickened ink."""
CANVAS: Final = 2 * (_WORK_BOX // 2 + math.ceil(_PEN * _WORK_BOX / (INK_BOX - _PEN) / 2) + _MARGIN)
"""Side of a canvas: the ink, the most that a pen is thickened by, and the margin."""
_PIXELS: Final = np.arange(CANVAS, dtype=np.float32) + 0.5
"""Middles of a canvas' pixels."""
_MIDDLE: Final = 14.5
"""Where the centre of mass goes, from the outer edge. Source: measured on MNIST's training images,
14.0 to 15.0, mean 14.5."""
_SAME_SIZE: Final = 0.06
"""Ink that needs less scaling than this is only moved, by whole pixels, so that an image of MNIST's
kind stays as it is."""


class Canvas(NamedTuple):
    """Ink in the middle of a square canvas.

    Attributes:
        ink: float32 [..., CANVAS, CANVAS], 0..1.
        size: int32 [..., 2], height and width of the ink. If it is odd, the pixel more is below or
            to the right of the middle.
    """

    ink: tf.Tensor
    size: tf.Tensor


def shrink(ink: tf.Tensor) -> Canvas:
    """Shrink the ink, float32 [h, w], to the size at which it is thickened; never enlarge. It keeps
    its full strength however thin the pen."""
    size = tf.cast(tf.shape(ink), tf.float32)
    scale = tf.minimum(1.0, _WORK_BOX / tf.reduce_max(size))
    pixels = tf.math.ceil(size * scale - 0.01)
    whole = tf.cast(pixels, tf.int32)
    # In the middle, as the operation leaves empty each new pixel whose centre is outside: all of a
    # line that gets narrower than half a one.
    corner = tf.cast((CANVAS - whole) // 2, tf.float32) + (pixels - size * scale) / 2
    smaller = tf.raw_ops.ScaleAndTranslate(
        images=ink[tf.newaxis, ..., tf.newaxis],
        size=[CANVAS, CANVAS],
        scale=tf.fill([2], scale),
        translation=corner,
        kernel_type="triangle",
        antialias=True,
    )[0, ..., 0]
    # A pen of w < 1 pixels leaves at least w / 2 in one of the two pixels that it may fall between.
    strength = tf.maximum(1.0, 2 / (_pen_width(ink) * scale))
    peak = tf.reduce_max(ink)
    return Canvas(tf.minimum(1.0, tf.math.divide_no_nan(smaller * strength, peak)), whole)


def _pen_width(ink: tf.Tensor) -> tf.Tensor:
    """Mean width of the strokes in float32 [..., h, w], in pixels: twice their area over the length
    of their outline.

    The outline is the total variation along rows and columns, on average 4/π of the true length;
    what lies around is paper.
    """
    inside = [ink[..., 1:, :] - ink[..., :-1, :], ink[..., 1:] - ink[..., :-1]]
    edges = [ink[..., 0, :], ink[..., -1, :], ink[..., 0], ink[..., -1]]
    outline = tf.add_n(
        [tf.reduce_sum(tf.abs(steps), [-2, -1]) for steps in inside]
        + [tf.reduce_sum(edge, -1) for edge in edges]
    )
    return tf.math.divide_no_nan(2 * tf.reduce_sum(ink, [-2, -1]), outline * math.pi / 4)


def place(canvas: Canvas, orientation: tf.Tensor) -> tf.Tensor:
    """Turn, thicken, fit to 20 pixels and centre by mass.

    Args:
        canvas: of n drawings.
        orientation: int32 [n], of `trainer.preprocessing.orientation`.

    Returns:
        uint8 [n, 28, 28].
    """
    picture = turn(canvas.ink, orientation)
    size, middle = _turned_box(canvas.size, orientation)
    radius = _radius(picture, size)
    return _fit(_thicken(picture, radius), size, middle, radius)


def _turned_box(size: tf.Tensor, orientation: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Height and width of the turned ink, and where its middle is on the canvas, float32 [n, 2]."""
    height_width = tf.cast(size, tf.float32)
    middle = tf.cast((CANVAS - size) // 2, tf.float32) + height_width / 2
    transposed, flipped = axes(orientation)
    height_width, middle = (
        tf.where(transposed[:, tf.newaxis], both[:, ::-1], both) for both in (height_width, middle)
    )
    return height_width, tf.where(flipped, CANVAS - middle, middle)


def _radius(picture: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """How much each pen must grow on either side to be `_PEN` wide once the ink is fitted: float32
    [n]."""
    longest = tf.reduce_max(size, -1)
    return tf.maximum(0.0, (_PEN * longest - INK_BOX * _pen_width(picture)) / (INK_BOX - _PEN) / 2)


def _thicken(picture: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    """Widen the strokes of [n, s, s] by a radius each, float32 [n]."""

    def widen(step: tf.Tensor, picture: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        along = _brightest(picture, 2)
        # By turns a cross and a square: an octagon, nearly round.
        wider = tf.cond(
            tf.equal(step % 2, 0),
            lambda: tf.maximum(along, _brightest(picture, 1)),
            lambda: _brightest(along, 1),
        )
        share = tf.clip_by_value(radius - tf.cast(step, tf.float32), 0, 1)
        return step + 1, picture + (wider - picture) * share[:, tf.newaxis, tf.newaxis]

    most = tf.reduce_max(radius)
    _, picture = tf.while_loop(
        lambda step, _: tf.cast(step, tf.float32) < most, widen, (tf.constant(0), picture)
    )
    return picture


def _brightest(picture: tf.Tensor, axis: int) -> tf.Tensor:
    """The brightest of each pixel of [n, s, s] and its two neighbours along an axis. By slices,
    since pooling is slow on one channel."""
    side = picture.shape[axis]
    padded = tf.pad(picture, [[1, 1] if number == axis else [0, 0] for number in range(3)])
    before, after = (
        padded[:, start : start + side] if axis == 1 else padded[..., start : start + side]
        for start in (0, 2)
    )
    return tf.maximum(picture, tf.maximum(before, after))


def _fit(picture: tf.Tensor, size: tf.Tensor, middle: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    """Scale and move [n, s, s] in one step, each new pixel averaging all that it covers."""
    box = size + 2 * radius[:, tf.newaxis]
    scale = INK_BOX / tf.reduce_max(box, -1, keepdims=True)
    scale = tf.where(tf.abs(scale - 1) < _SAME_SIZE, 1.0, scale)
    total = tf.reduce_sum(picture, [1, 2])[:, tf.newaxis]
    profiles = tf.stack([tf.reduce_sum(picture, axis) for axis in (2, 1)], 1)
    centre = tf.math.divide_no_nan(tf.linalg.matvec(profiles, _PIXELS), total)
    least, most = scale * (box / 2 - middle), IMAGE_SIZE - scale * (middle + box / 2)
    shift = tf.maximum(least, tf.minimum(_MIDDLE - scale * centre, most))
    shift = tf.where(tf.equal(scale, 1), tf.round(shift), shift)
    reach = size / 2 + tf.floor(radius)[:, tf.newaxis] + _MARGIN
    weights = _weights(scale, shift, middle, reach)
    image = tf.matmul(tf.matmul(weights[:, 0], picture), weights[:, 1], transpose_b=True)
    peak = tf.reduce_max(image, [1, 2], keepdims=True)
    return tf.cast(tf.round(tf.math.divide_no_nan(image * PIXEL_MAX, peak)), tf.uint8)


def _weights(scale: tf.Tensor, shift: tf.Tensor, middle: tf.Tensor, reach: tf.Tensor) -> tf.Tensor:
    """How much of each pixel on a canvas is in each row and column of the image: float32 [n, 2, 28,
    CANVAS]; only what is within `reach` of the middle counts.

    The same as TensorFlow's `ScaleAndTranslate` with a triangle kernel and antialiasing, which
    has one scale for all pictures.
    """
    target = (tf.range(IMAGE_SIZE, dtype=tf.float32) + 0.5 - shift[..., tf.newaxis]) / scale[
        ..., tf.newaxis
    ]
    within = tf.abs(target - middle[..., tf.newaxis]) <= reach[..., tf.newaxis]
    there = tf.abs(_PIXELS - middle[..., tf.newaxis]) < reach[..., tf.newaxis]
    distance = (
        tf.abs(target[..., tf.newaxis] - _PIXELS)
        * tf.minimum(scale, 1)[..., tf.newaxis, tf.newaxis]
    )
    weights = tf.nn.relu(1 - distance) * tf.cast(
        within[..., tf.newaxis] & there[..., tf.newaxis, :], tf.float32
    )
    return tf.math.divide_no_nan(weights, tf.reduce_sum(weights, -1, keepdims=True))
