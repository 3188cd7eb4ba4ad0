"""From encoded drawings to the images that a network reads, inside the TensorFlow graph.

Only graph operations, so the same steps run in the SavedModel wherever it is served, and no two
callers can disagree about them. For each drawing:

    decode -> tell ink from paper -> cut the ink out -> shrink it onto a small canvas

and for all canvases at once:

    turn -> thicken a thin pen -> fit to 20 pixels, centre of mass to the middle

Nothing here raises for what a drawing contains; each item has its own problem.
"""

from typing import Final

import tensorflow as tf

from digits.contract import Problem
from digits.ink import FAINTEST
from trainer.preprocessing.decode import decode
from trainer.preprocessing.ink import crop
from trainer.preprocessing.orientation import read_orientation
from trainer.preprocessing.paper import find_ink
from trainer.preprocessing.placing import CANVAS, Canvas, place, shrink

PARALLEL: Final = 4
"""Drawings of one batch that are at full size at once; bounds the memory that large ones take."""
_ENOUGH_PIXELS: Final = 1_000_000
"""Larger pictures are shrunk to this before anything else; a digit on them is still hundreds of
pixels tall."""


def normalise(png: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Turn encoded drawings into images as the networks know them: bright ink on dark, 20 pixels
    long, centred by mass.

    Args:
        png: string [n], each a PNG or JPEG of any size; ink dark, bright or coloured, paper opaque
            or transparent; turned as its EXIF orientation says.

    Returns:
        images: uint8 [n, 28, 28], 0..255; zeros where there is a problem.
        problem: int32 [n], a `digits.contract.Problem` each.
    """
    specs = (
        Canvas(tf.TensorSpec([CANVAS, CANVAS], tf.float32), tf.TensorSpec([2], tf.int32)),
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([], tf.int32),
    )
    canvas, orientation, problem = tf.map_fn(
        _read, png, fn_output_signature=specs, parallel_iterations=PARALLEL
    )
    return place(canvas, orientation), problem


def _read(png: tf.Tensor) -> tuple[Canvas, tf.Tensor, tf.Tensor]:
    """One drawing: string [] -> its ink, its orientation and its problem."""
    pixels, problem = decode(png)
    nothing = Canvas(tf.zeros([CANVAS, CANVAS]), tf.ones([2], tf.int32))
    canvas, problem = tf.cond(
        tf.equal(problem, Problem.NONE), lambda: read_ink(pixels), lambda: (nothing, problem)
    )
    return canvas, read_orientation(png), problem


def read_ink(pixels: tf.Tensor) -> tuple[Canvas, tf.Tensor]:
    """Decoded pixels, uint8 [h, w, c] -> the ink and its problem; no ink if that is BLANK."""
    part = find_ink(_limit(pixels))
    blank = tf.reduce_max(part.pixels) < FAINTEST
    canvas = shrink(crop(part))
    ink = tf.where(blank, tf.zeros_like(canvas.ink), canvas.ink)
    return Canvas(ink, canvas.size), tf.where(blank, Problem.BLANK, Problem.NONE)


def _limit(pixels: tf.Tensor) -> tf.Tensor:
    """Shrink a large picture, uint8 [h, w, c], so that time and memory have a bound."""
    size = tf.cast(tf.shape(pixels)[:2], tf.float32)
    scale = tf.sqrt(_ENOUGH_PIXELS / tf.reduce_prod(size))
    smaller = tf.maximum(1, tf.cast(size * scale, tf.int32))
    return tf.cond(
        scale < 1,
        lambda: tf.cast(tf.image.resize(pixels, smaller, "area"), tf.uint8),
        lambda: pixels,
    )
