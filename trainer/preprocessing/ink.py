"""Cut the ink out of a picture inside the TensorFlow graph, without frames, specks and noise."""

from typing import Final

import numpy as np
import tensorflow as tf

from digits.ink import STRONG
from trainer.preprocessing.paper import Part, border, span

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


def crop(part: Part) -> tf.Tensor:
    """Cut out the ink, without specks and noise.

    Args:
        part: of `trainer.preprocessing.paper.find_ink`.

    Returns:
        float32 [h', w'], 0..255, ink on all four sides; some pixels of a picture without ink.
    """
    part = _unframe(part)
    ink = part.pixels
    peak = tf.reduce_max(ink)
    noise = _noise(part)
    strong, soft = (
        tf.clip_by_value(noise, least * peak, STRONG[1] * peak) for least in (STRONG[0], _SOFT)
    )
    rows, columns = _cells(part)
    near = _near_strokes(_sums(ink >= strong, rows, columns))
    mask = tf.gather(tf.gather(near, columns, axis=1), rows)
    found = tf.where(mask & (ink >= soft), ink, 0)
    (top, bottom), (left, right) = (span(tf.reduce_any(found > 0, axis)) for axis in (1, 0))
    return found[top:bottom, left:right]


def _noise(part: Part) -> tf.Tensor:
    """The least contrast of ink, as the contrast on the picture's border has it: float32 []."""
    points = border(part.size) - part.corner
    within = tf.reduce_all((points >= 0) & (points < tf.shape(part.pixels)), -1)
    nearest = tf.clip_by_value(points, 0, tf.shape(part.pixels) - 1)
    found = tf.where(within, tf.gather_nd(part.pixels, nearest), 0)
    above = found.shape[0] - int(_NOISE[0] * found.shape[0])
    return tf.math.top_k(found, above).values[-1] * _NOISE[1]


def _unframe(part: Part) -> Part:
    """Cut off a frame around the drawing, such as that of a form's box, and what lies outside it;
    but not if nothing is inside."""
    ink = part.pixels
    strong = tf.cast(ink >= STRONG[0] * tf.reduce_max(ink), tf.float32)
    begins, ends = [], []
    for axis in (0, 1):
        lines = tf.reduce_sum(strong, 1 - axis) / tf.cast(part.size[1 - axis], tf.float32)
        before = part.corner[axis]
        after = part.size[axis] - before - tf.size(lines)
        first, last = _inside(tf.pad(lines, [[before, after]]) >= _FRAME[1])
        begins.append(first)
        ends.append(last)
    begin, end = tf.stack(begins), tf.stack(ends)
    first = tf.maximum(begin - part.corner, 0)
    last = tf.maximum(end - part.corner, first)
    filled = tf.reduce_sum(strong[first[0] : last[0], first[1] : last[1]]) > 0
    first, last = tf.where(filled, first, 0), tf.where(filled, last, tf.shape(ink))
    begin, end = tf.where(filled, begin, 0), tf.where(filled, end, part.size)
    return Part(
        ink[first[0] : last[0], first[1] : last[1]], tf.maximum(part.corner - begin, 0), end - begin
    )


def _inside(lines: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """First row inside a frame and one past the last, from which rows are lines, bool [rows]; all
    if there is no frame."""
    rows = tf.size(lines)
    outer = tf.cast(tf.cast(rows, tf.float32) * _FRAME[0], tf.int32)
    after = tf.range(2, outer + 2)  # the row after a line may hold its soft edge
    first, last = (
        tf.reduce_max(tf.concat([[0], tf.where(side[:outer], after, 0)], 0))
        for side in (lines, lines[::-1])
    )
    framed = (first > 0) & (last > 0)
    return tf.where(framed, first, 0), tf.where(framed, rows - last, rows)


def _cells(part: Part) -> tuple[tf.Tensor, tf.Tensor]:
    """In which row and column of cells each row and column of pixels lies: int32 [h], int32 [w]."""
    cell = 1 + (tf.reduce_max(part.size) - 1) // _CELLS
    rows, columns = (
        (part.corner[axis] + tf.range(tf.shape(part.pixels)[axis])) // cell for axis in (0, 1)
    )
    return rows, columns


def _sums(present: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """How many pixels of each cell are present: float32 [cells, cells]."""
    of_row, of_column = (tf.one_hot(cells, _CELLS) for cells in (rows, columns))
    along = tf.matmul(tf.cast(present, tf.float32), of_column)
    return tf.matmul(of_row, along, transpose_a=True)


def _band(side: int) -> tf.Tensor:
    """Adds up `side` neighbours, as a matrix float32 [cells, cells]."""
    places = np.arange(_CELLS)
    return (np.abs(places[:, np.newaxis] - places) <= side // 2).astype(np.float32)


def _around(cells: tf.Tensor, side: int) -> tf.Tensor:
    """Sum over the square of `side` cells around each cell."""
    return tf.matmul(tf.matmul(_band(side), cells), _band(side))


def _near_strokes(cells: tf.Tensor) -> tf.Tensor:
    """From the amount of ink in each cell, which cells hold strokes or touch one that does: bool of
    the same shape."""
    inked = tf.cast(cells > 0, tf.float32)
    amount, length = _around(cells, 3), _around(inked, _REACH) * inked
    long = length >= tf.minimum(_STROKE, tf.reduce_max(length))
    fullest = tf.reduce_max(tf.where(long, amount, 0))
    stroke = tf.cast(long & (amount >= _SPECK * fullest), tf.float32)
    return _around(inked * tf.cast(_around(stroke, _REACH) > 0, tf.float32), 3) > 0
