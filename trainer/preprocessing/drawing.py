"""From an encoded drawing to the image a network reads, inside the TensorFlow graph.

Only graph operations, so the same steps run in the SavedModel wherever it is served, and no two
callers can disagree about them:

    decode -> find ink -> crop -> thicken a thin pen -> fit to 20 pixels -> centre of mass to the
    middle

Nothing here raises for what a drawing contains; each item says by itself what was wrong with it.
"""

import math
from typing import Any, Final

import tensorflow as tf

from digits.contract import IMAGE_SIZE, INK_BOX, PIXEL_MAX, Problem
from trainer.preprocessing.decode import decode
from trainer.preprocessing.ink import FAINTEST, crop, find_ink, grow, middles

_PARALLEL: Final = 4
"""Drawings of one batch that are worked on at once; bounds the memory that large ones take."""
_ENOUGH_PIXELS: Final = 1_000_000
"""Larger pictures are shrunk to this before anything else; a digit on them is still hundreds of
pixels tall."""
_WORK_BOX: Final = 4 * INK_BOX
"""Longest side of the ink while it is thickened; four times finer than the result, so that strokes
stay smooth."""
_PEN: Final = 2.1
"""Thinner pens are thickened to this width, in pixels of the result. MNIST's own by `_pen_width`
have a median of 2.52, but a wider pen closes small loops. Source:
docs/experiments.md."""
_MIDDLE: Final = 14.5
"""Where the centre of mass goes, from the outer edge. Source: measured on MNIST's training images,
14.0 to 15.0, mean 14.5."""
_SAME_SIZE: Final = 0.06
"""Ink that needs less scaling than this is only moved, by whole pixels, so that an image of MNIST's
kind stays as it is."""

Answer = tuple[tf.Tensor, tf.Tensor]
"""uint8 [28, 28] and its problem, int32 []."""


def normalise(png: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Turn encoded drawings into images as the networks know them: bright ink on dark, 20 pixels
    long, centred by mass.

    Args:
        png: string [n], each a PNG or JPEG of any size; ink dark, bright or coloured, paper opaque
            or transparent.

    Returns:
        images: uint8 [n, 28, 28], 0..255; zeros where there is a problem.
        problem: int32 [n], a `digits.contract.Problem` each.
    """
    specs = (tf.TensorSpec([IMAGE_SIZE, IMAGE_SIZE], tf.uint8), tf.TensorSpec([], tf.int32))
    images, problem = tf.map_fn(
        _read, png, fn_output_signature=specs, parallel_iterations=_PARALLEL
    )
    return images, problem


def _read(png: tf.Tensor) -> Answer:
    """One drawing: string [] -> image and problem."""
    rgba, problem = decode(png)
    answer: Answer = tf.cond(
        tf.equal(problem, Problem.NONE),
        lambda: _fit(find_ink(_limit(rgba))),
        lambda: _blank(problem),
    )
    return answer


def _blank(problem: tf.Tensor | Problem) -> Answer:
    return tf.zeros([IMAGE_SIZE, IMAGE_SIZE], tf.uint8), tf.cast(problem, tf.int32)


def _limit(rgba: tf.Tensor) -> tf.Tensor:
    """Shrink a large picture, uint8 [h, w, 4], so that time and memory have a bound."""
    size = tf.cast(tf.shape(rgba)[:2], tf.float32)
    scale = tf.sqrt(_ENOUGH_PIXELS / tf.reduce_prod(size))
    smaller = tf.maximum(1, tf.cast(size * scale, tf.int32))
    return tf.cond(
        scale < 1, lambda: tf.cast(tf.image.resize(rgba, smaller, "area"), tf.uint8), lambda: rgba
    )


def _fit(ink: tf.Tensor) -> Answer:
    """Ink, float32 [h, w] of any size, 0..255 -> image and problem."""

    def drawn() -> Answer:
        return _place(*_thicken(_shrink(crop(ink)))), tf.constant(Problem.NONE, tf.int32)

    answer: Answer = tf.cond(tf.reduce_max(ink) >= FAINTEST, drawn, lambda: _blank(Problem.BLANK))
    return answer


def _pen_width(ink: tf.Tensor) -> tf.Tensor:
    """Mean width of the strokes in float32 [h, w], 0..1, in pixels: twice their area over the
    length of their outline.

    The outline is the total variation along rows and columns, on average 4/π of the true length.
    """
    padded = tf.pad(ink, [[1, 1], [1, 1]])
    outline = tf.reduce_sum(tf.abs(padded[1:] - padded[:-1])) + tf.reduce_sum(
        tf.abs(padded[:, 1:] - padded[:, :-1])
    )
    return 2 * tf.reduce_sum(ink) / (outline * math.pi / 4)


def _shrink(ink: tf.Tensor) -> tf.Tensor:
    """Shrink the ink to the size at which it is thickened, at full strength however thin the pen;
    never enlarge."""
    size = tf.cast(tf.shape(ink), tf.float32)
    scale = tf.minimum(1.0, _WORK_BOX / tf.reduce_max(size))
    pixels = tf.math.ceil(size * scale - 0.01)
    # In the middle, as `_resample` leaves empty each new pixel whose centre is outside: all of a
    # line that gets narrower than half a one.
    smaller = _resample(ink, tf.cast(pixels, tf.int32), scale, (pixels - size * scale) / 2)
    # A pen of w < 1 pixels leaves at least w / 2 in one of the two pixels that it may fall between.
    return tf.minimum(1.0, smaller * tf.maximum(1.0, 2 / (_pen_width(ink) * scale)))


def _thicken(ink: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Widen a thin pen so that it is `_PEN` wide once the ink is fitted.

    Returns:
        The ink with room around it, and height and width, float32 [2], of the ink's box in its
        middle.
    """
    size = tf.cast(tf.shape(ink), tf.float32)
    radius = tf.maximum(
        0.0, (_PEN * tf.reduce_max(size) - INK_BOX * _pen_width(ink)) / (INK_BOX - _PEN) / 2
    )
    room = tf.cast(radius, tf.int32) + 2

    def widen(step: tf.Tensor, picture: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        cross = tf.maximum(grow(picture, 1, 3), grow(picture, 3, 1))
        wider = tf.cond(
            step % 2 == 0, lambda: cross, lambda: grow(picture, 3, 3)
        )  # by turns: an octagon, nearly round
        return step + 1, picture + (wider - picture) * tf.minimum(
            1.0, radius - tf.cast(step, tf.float32)
        )

    padded = tf.ensure_shape(tf.pad(ink, [[room, room], [room, room]]), [None, None])
    _, picture = tf.while_loop(
        lambda step, _: tf.cast(step, tf.float32) < radius, widen, (tf.constant(0), padded)
    )
    return picture, size + 2 * radius


def _place(picture: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """Fit the box in the middle of `picture` to 20 pixels, and its centre of mass to the middle:
    uint8 [28, 28]."""
    scale = INK_BOX / tf.reduce_max(box)
    scale = tf.where(tf.abs(scale - 1) < _SAME_SIZE, 1.0, scale)
    size = tf.cast(tf.shape(picture), tf.float32)
    profiles = [tf.reduce_sum(picture, axis) / tf.reduce_sum(picture) for axis in (1, 0)]
    centre = tf.stack([tf.reduce_sum(profile * middles(tf.size(profile))) for profile in profiles])
    shift = _MIDDLE - scale * (centre + 0.5) * size
    inside = [scale * (box - size) / 2, IMAGE_SIZE - scale * (box + size) / 2]
    shift = tf.clip_by_value(shift, inside[0], inside[1])
    image = _resample(
        picture, [IMAGE_SIZE, IMAGE_SIZE], scale, tf.where(scale == 1, tf.round(shift), shift)
    )
    return tf.cast(tf.round(image * (PIXEL_MAX / tf.reduce_max(image))), tf.uint8)


def _resample(picture: tf.Tensor, size: Any, scale: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:  # noqa: ANN401 - a list or a tensor
    """Scale and move [h, w] in one step, each new pixel averaging all that it covers;
    `tf.image.resize` does not move."""
    resized = tf.raw_ops.ScaleAndTranslate(
        images=picture[tf.newaxis, ..., tf.newaxis],
        size=size,
        scale=tf.fill([2], scale),
        translation=shift,
        kernel_type="triangle",
        antialias=True,
    )
    return resized[0, ..., 0]
