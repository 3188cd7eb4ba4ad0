"""Find the ink of a drawing inside the TensorFlow graph, whatever its colours, and cut it out."""

from typing import Final

import tensorflow as tf

from digits.contract import PIXEL_MAX

_BORDER_DEPTH: Final = 32
"""Paper is looked at in the outer 1/32 of each side."""
_ACROSS: Final = (0, 1, 2)
_ALONG: Final = tuple(range(64))
"""The points looked at, across and along the border."""
_LIGHT_STEP: Final = 80.0
"""A side that differs more than this (of 255) from the others has ink on it rather than another
light."""
FAINTEST: Final = 24.0
"""Contrast to the paper (of 255) below which nothing is ink; JPEG and camera noise stay under
it."""
_STRONG: Final = (0.25, 0.5)
"""Ink is at least this share of the strongest contrast: on clean paper, and at most on noisy
paper."""
_SOFT: Final = 0.1
"""Beside strong ink, soft edges down to this share belong to it; JPEG's ripples are fainter."""
_NOISE: Final = (0.9, 2.0)
"""Noise is the 90th percentile of contrast on the border; ink has at least twice that."""
_FRAME: Final = (1 / 8, 0.8)
"""A row in the outer eighth with ink over 4/5 of its length is a frame's line, if the opposite side
has one too: no digit has both."""
_CELLS: Final = 64
"""Specks are found on a grid with this many cells along the longer side."""
_SPECK: Final = 0.1
"""Cells with less than this share of the ink around the fullest cell of a stroke are specks."""
_REACH: Final = 7
"""Side of the square of cells in which a stroke is told from a speck, and that a stroke's ends
reach beyond its middle."""
_STROKE: Final = 5.0
"""Inked cells in that square: a stroke fills more of them, however thin; a speck on a corner of the
grid fills 4."""


def find_ink(rgba: tf.Tensor) -> tf.Tensor:
    """Tell ink from paper by its distance to the paper's colour, whichever of the two is darker.

    The paper is a plane through the middle values of the four sides, so light may fall off across
    the picture. Transparent paper has no colour; there, ink is whatever is opaque.

    Args:
        rgba: uint8 [h, w, 4].

    Returns:
        float32 [h, w], 0 for paper, up to 255.
    """
    sides = _median(_border(rgba))
    paper = _median(sides)
    lit = tf.reduce_max(tf.abs(sides - paper)[:, :3], -1, keepdims=True) < _LIGHT_STEP
    top, bottom, left, right = tf.unstack(tf.where(lit, sides, paper))
    down, along = (middles(side)[:, tf.newaxis] for side in tf.unstack(tf.shape(rgba)[:2]))
    rows, columns = (
        (top + bottom + left + right) / 4 + down * (bottom - top),
        along * (right - left),
    )
    *colours, opacity = (tf.cast(channel, tf.float32) for channel in tf.unstack(rgba, axis=-1))
    red, green, blue = (
        tf.abs(colour - rows[:, i, tf.newaxis] - columns[:, i]) for i, colour in enumerate(colours)
    )
    contrast = tf.maximum(tf.maximum(red, green), blue)
    return tf.cond(
        paper[3] < PIXEL_MAX / 2, lambda: opacity, lambda: contrast * (opacity / PIXEL_MAX)
    )


def middles(side: tf.Tensor) -> tf.Tensor:
    """Middles of `side` pixels, from -0.5 to 0.5."""
    return (tf.range(tf.cast(side, tf.float32)) + 0.5) / tf.cast(side, tf.float32) - 0.5


def _border(picture: tf.Tensor) -> tf.Tensor:
    """Look at points on the four sides of a picture [h, w, c]: float32 [4, points, c]; top, bottom,
    left, right."""
    height, width, channels = tf.unstack(tf.shape(picture))
    depth = tf.constant(_ACROSS) * ((tf.minimum(height, width) - 1) // _BORDER_DEPTH) // _ACROSS[-1]
    down, along = (tf.constant(_ALONG) * (side - 1) // _ALONG[-1] for side in (height, width))
    near_rows, near_columns = (tf.concat([depth, side - 1 - depth], 0) for side in (height, width))
    # By places and not by a transpose of rows: TensorFlow logs an error, though none it is, where
    # it transposes bytes.
    along_rows = tf.stack(tf.meshgrid(near_rows, along, indexing="ij"), -1)
    along_columns = tf.stack(tf.meshgrid(near_columns, down, indexing="ij")[::-1], -1)
    sides = tf.cast(tf.gather_nd(picture, tf.concat([along_rows, along_columns], 0)), tf.float32)
    return tf.reshape(sides, [4, len(_ACROSS) * len(_ALONG), channels])


def _median(values: tf.Tensor) -> tf.Tensor:
    """The upper median over the last axis but one: [..., points, c] -> [..., c]."""
    return tf.sort(values, axis=-2)[..., values.shape[-2] // 2, :]


def crop(ink: tf.Tensor) -> tf.Tensor:
    """Cut out the ink, without specks and noise: float32 [h, w], 0..255 -> float32 [h', w'], 0..1,
    touching all four sides."""
    ink = _unframe(ink)
    peak = tf.reduce_max(ink)
    border = tf.sort(tf.reshape(_border(ink[..., tf.newaxis]), [-1]))
    noise = border[int(_NOISE[0] * border.shape[0])] * _NOISE[1]
    strong, soft = (
        tf.clip_by_value(noise, least * peak, _STRONG[1] * peak) for least in (_STRONG[0], _SOFT)
    )
    size = tf.shape(ink)
    cell = tf.minimum(
        1 + (tf.reduce_max(size) - 1) // _CELLS, size
    )  # square, but within a picture that is only a line
    near = _near_strokes(_sums(tf.cast(ink >= strong, tf.float32), cell))
    (top, bottom), (left, right) = (_span(tf.reduce_any(near, axis)) for axis in (1, 0))
    part = ink[top * cell[0] : bottom * cell[0], left * cell[1] : right * cell[1]]
    mask = tf.repeat(tf.repeat(near[top:bottom, left:right], cell[0], 0), cell[1], 1)
    inked = mask[: tf.shape(part)[0], : tf.shape(part)[1]] & (part >= soft)
    (top, bottom), (left, right) = (_span(tf.reduce_any(inked, axis)) for axis in (1, 0))
    found = tf.where(inked, part, 0)[top:bottom, left:right]
    return found / tf.reduce_max(found)  # a speck may have been darker


def _unframe(ink: tf.Tensor) -> tf.Tensor:
    """Cut off a frame around the drawing, such as that of a form's box, and what lies outside it;
    but not if nothing is inside."""
    strong = _STRONG[0] * tf.reduce_max(ink)
    covered = [
        tf.reduce_mean(tf.cast(ink >= strong, tf.float32), axis) >= _FRAME[1] for axis in (1, 0)
    ]
    (top, bottom), (left, right) = (_inside(lines) for lines in covered)
    inside = ink[top:bottom, left:right]
    return tf.cond(tf.reduce_max(inside) >= strong, lambda: inside, lambda: ink)


def _inside(lines: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """First row inside a frame and one past the last, from which rows are lines, bool [rows]; all
    where no frame is."""
    rows = tf.size(lines)
    outer = tf.cast(tf.cast(rows, tf.float32) * _FRAME[0], tf.int32)
    first = tf.reduce_max(
        tf.where(lines[:outer], tf.range(outer) + 2, 0)
    )  # the row after a line may hold its soft edge
    last = tf.reduce_max(tf.where(lines[rows - outer :][::-1], tf.range(outer) + 2, 0))
    framed = (first > 0) & (last > 0)
    return tf.where(framed, first, 0), tf.where(framed, rows - last, rows)


def _sums(picture: tf.Tensor, cell: tf.Tensor) -> tf.Tensor:
    """Sums over cells of a size, int32 [2]."""
    height, width = tf.unstack(cell)
    padded = tf.pad(picture, tf.stack([tf.zeros([2], tf.int32), -tf.shape(picture) % cell], 1))
    rows = tf.reduce_sum(tf.reshape(padded, [-1, height, tf.shape(padded)[1]]), 1)
    return tf.reduce_sum(tf.reshape(rows, [tf.shape(rows)[0], -1, width]), 2)


def _near_strokes(cells: tf.Tensor) -> tf.Tensor:
    """From the amount of ink in each cell, which cells hold strokes or touch one that does: bool of
    the same shape."""
    inked = tf.cast(cells > 0, tf.float32)
    amount, length = _around(cells, 3), _around(inked, _REACH) * inked
    long = length >= tf.minimum(_STROKE, tf.reduce_max(length))
    fullest = tf.reduce_max(tf.where(long, amount, 0))
    stroke = grow(tf.cast(long & (amount >= _SPECK * fullest), tf.float32), _REACH, _REACH) * inked
    return grow(stroke, 3, 3) > 0


def _around(cells: tf.Tensor, side: int) -> tf.Tensor:
    """Sum over the square of `side` cells around each cell."""
    return tf.nn.conv2d(cells[tf.newaxis, ..., tf.newaxis], tf.ones([side, side, 1, 1]), 1, "SAME")[
        0, ..., 0
    ]


def _span(present: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """First index of a true value, and one past the last."""
    found = tf.cast(tf.where(present)[:, 0], tf.int32)
    return found[0], found[-1] + 1


def grow(picture: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Give every pixel of [h, w] the brightest value around it."""
    return tf.nn.max_pool2d(picture[tf.newaxis, ..., tf.newaxis], [height, width], 1, "SAME")[
        0, ..., 0
    ]
