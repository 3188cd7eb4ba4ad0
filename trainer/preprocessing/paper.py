"""Tell ink from paper inside the TensorFlow graph, whatever their colours."""

from typing import Final, NamedTuple

import numpy as np
import tensorflow as tf

from digits.contract import PIXEL_MAX

_BORDER_DEPTH: Final = 32
"""Paper is sampled in the outer 1/32 of each side."""
_ACROSS: Final = (0, 1, 2)
_ALONG: Final = tuple(range(64))
"""The points sampled across and along the border."""
_SIDES: Final = 4
_SIDE_POINTS: Final = len(_ACROSS) * len(_ALONG)
_LIGHT_STEP: Final = 80.0
"""A side that differs more than this (of 255) from the others has ink on it rather than another
light."""
_CHANNELS: Final = 4
_SOLID: Final = 0.9
"""Share of the largest alpha from which a pixel counts as opaque."""
_LOOKED_AT: Final = 128
"""A picture inside transparency is recognised on so many pixels along its longer side."""
_OTHER_COLOUR: Final = 48.0
"""Distance (of 255) from which a colour is another one."""
_MOST_ON_RIM: Final = 0.25
_LEAST_WITHIN: Final = 0.005
"""Shares of pixels with another colour than the rim's: at most on the rim, at least inside."""


class Part(NamedTuple):
    """Part of a picture. Outside of it there is nothing but paper.

    Attributes:
        pixels: uint8 [h, w, c], or float32 [h, w] of its ink.
        corner: int32 [2], row and column of its first pixel in the picture.
        size: int32 [2], height and width of the whole picture.
    """

    pixels: tf.Tensor
    corner: tf.Tensor
    size: tf.Tensor


class Paper(NamedTuple):
    """The colour of the paper, a plane through the middle values of the four sides: light may fall
    off across a picture.

    Attributes:
        colour: float32 [4], red, green, blue, alpha in 0..255.
        down: float32 [4], how much it rises from the top to the bottom.
        along: float32 [4], how much it rises from left to right.
    """

    colour: tf.Tensor
    down: tf.Tensor
    along: tf.Tensor


def find_ink(pixels: tf.Tensor) -> Part:
    """Tell ink from paper by its distance to the paper's colour, whichever of the two is darker.

    Args:
        pixels: uint8 [h, w, c], red, green, blue and perhaps alpha.

    Returns:
        The part that may have ink: float32 [h, w], 0 for paper, up to 255.
    """
    pixels = tf.ensure_shape(pixels, [None, None, None])
    paper = _paper(pixels)
    part = _without_margin(pixels, paper)
    has_alpha = tf.equal(tf.shape(pixels)[2], _CHANNELS)
    least = tf.cond(
        has_alpha, lambda: tf.reduce_min(part.pixels[..., -1]), lambda: tf.constant(255, tf.uint8)
    )
    opaque = tf.equal(least, PIXEL_MAX) & (paper.colour[3] >= PIXEL_MAX)
    ink = tf.cond(opaque, lambda: contrast(part, paper), lambda: _ink_of_transparent(part, paper))
    return part._replace(pixels=ink)


def middles(side: tf.Tensor) -> tf.Tensor:
    """Middles of `side` pixels, from -0.5 to 0.5."""
    return (tf.range(tf.cast(side, tf.float32)) + 0.5) / tf.cast(side, tf.float32) - 0.5


def _border_table() -> tuple[tf.Tensor, ...]:
    """Of each point on the border, for rows and columns: 63rds of the side, and steps across from
    it; int32 [points, 2] each."""
    along, across = (grid.ravel() for grid in np.meshgrid(_ALONG, _ACROSS))
    nothing, far = np.zeros_like(along), np.full_like(along, _ALONG[-1])
    rows_along, rows_across = [nothing, far, along, along], [across, -across, nothing, nothing]
    columns_along = [along, along, nothing, far]
    columns_across = [nothing, nothing, across, -across]
    return tuple(
        np.stack([np.concatenate(rows), np.concatenate(columns)], -1).astype(np.int32)
        for rows, columns in ((rows_along, columns_along), (rows_across, columns_across))
    )


_SIDE_STEPS, _DEPTH_STEPS = _border_table()


def border(size: tf.Tensor) -> tf.Tensor:
    """Points on the four sides of a picture of this size, int32 [2]: rows and columns, int32
    [points, 2]; top, bottom, left, right."""
    depth = (tf.reduce_min(size) - 1) // _BORDER_DEPTH
    inwards = tf.abs(_DEPTH_STEPS) * depth // _ACROSS[-1] * tf.sign(_DEPTH_STEPS)
    return _SIDE_STEPS * (size - 1) // _ALONG[-1] + inwards


def _paper(pixels: tf.Tensor) -> Paper:
    size, channels = tf.split(tf.shape(pixels), [2, 1])
    points = tf.cast(tf.gather_nd(pixels, border(size)), tf.float32)
    missing = tf.stack([[0, 0], [0, _CHANNELS - channels[0]]])
    points = tf.pad(points, missing, constant_values=PIXEL_MAX)
    of_sides = tf.reshape(points, [_SIDES, _SIDE_POINTS, _CHANNELS])
    sides = _upper_median(of_sides)
    colour = _upper_median(sides)
    lit = tf.reduce_max(tf.abs(sides - colour)[:, :3], -1, keepdims=True) < _LIGHT_STEP
    sides = tf.where(lit, sides, colour)
    top, bottom, left, right = tf.unstack(sides)
    opacity = colour * [0, 0, 0, 1]
    return Paper(tf.reduce_mean(sides, 0) * [1, 1, 1, 0] + opacity, bottom - top, right - left)


def _upper_median(values: tf.Tensor) -> tf.Tensor:
    """The upper median over the last axis but one: [..., points, c] -> [..., c]."""
    # Not by a transpose, which TensorFlow computes in bytes and then logs an error, though none.
    channels = tf.stack(tf.unstack(values, axis=-1), -2)
    points = channels.shape[-1]
    return tf.math.top_k(channels, points - points // 2).values[..., -1]


def _without_margin(pixels: tf.Tensor, paper: Paper) -> Part:
    """Cut off rows and columns at the sides which are the paper's very colour, as most are on a
    drawn canvas."""
    size, channels = tf.split(tf.shape(pixels), [2, 1])

    def cut() -> Part:
        words = tf.bitcast(pixels, tf.int32)
        differs = tf.not_equal(words, tf.bitcast(tf.cast(paper.colour, tf.uint8), tf.int32))
        (top, bottom), (left, right) = (span(tf.reduce_any(differs, axis)) for axis in (1, 0))
        return Part(pixels[top:bottom, left:right], tf.stack([top, left]), size)

    part: Part = tf.cond(
        _is_flat(paper) & tf.equal(channels[0], _CHANNELS),
        cut,
        lambda: Part(pixels, tf.zeros_like(size), size),
    )
    return part


def span(present: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """First index of a true value in bool [k], and one past the last; all if there is none."""
    found = tf.cast(present, tf.uint8)
    first = tf.argmax(found, output_type=tf.int32)
    return first, tf.size(found) - tf.argmax(found[::-1], output_type=tf.int32)


def _is_flat(paper: Paper) -> tf.Tensor:
    return tf.reduce_all(tf.equal(paper.down, 0) & tf.equal(paper.along, 0))


def contrast(part: Part, paper: Paper) -> tf.Tensor:
    """Largest distance of a channel from the paper's colour: float32 [h, w], 0..255."""
    values = [part.pixels[..., channel] for channel in range(3)]

    def to_one_colour() -> tf.Tensor:
        colour = tf.cast(tf.round(paper.colour), tf.uint8)  # bytes are four times as fast
        distances = [
            tf.maximum(value, colour[channel]) - tf.minimum(value, colour[channel])
            for channel, value in enumerate(values)
        ]
        return tf.cast(tf.maximum(tf.maximum(distances[0], distances[1]), distances[2]), tf.float32)

    def to_plane() -> tf.Tensor:
        down, along = (
            middles(part.size[axis])[
                part.corner[axis] : part.corner[axis] + tf.shape(part.pixels)[axis]
            ]
            for axis in (0, 1)
        )
        rows = down[:, tf.newaxis] * paper.down + paper.colour
        columns = along[:, tf.newaxis] * paper.along
        distances = [
            tf.abs(tf.cast(value, tf.float32) - rows[:, channel, tf.newaxis] - columns[:, channel])
            for channel, value in enumerate(values)
        ]
        return tf.maximum(tf.maximum(distances[0], distances[1]), distances[2])

    return tf.cond(_is_flat(paper), to_one_colour, to_plane)


def _ink_of_transparent(part: Part, paper: Paper) -> tf.Tensor:
    """The ink of a picture that is not opaque everywhere: float32 [h, w], 0..255.

    On opaque paper, ink counts as far as it is opaque. In front of nothing, ink is what is opaque,
    unless that is a picture of its own.
    """
    alpha = tf.cast(part.pixels[..., -1], tf.float32)
    most = tf.maximum(tf.maximum(tf.reduce_max(alpha), paper.colour[-1]), 1)

    def on_paper() -> tf.Tensor:
        return contrast(part, paper) * (alpha / most)

    def in_front_of_nothing() -> tf.Tensor:
        solid = alpha >= _SOLID * most
        own, is_picture = _own_paper(part, solid)
        return tf.cond(
            is_picture,
            lambda: tf.where(solid, contrast(part, own), 0),
            lambda: tf.abs(alpha - paper.colour[-1]),
        )

    return tf.cond(paper.colour[-1] >= most / 2, on_paper, in_front_of_nothing)


def _own_paper(part: Part, solid: tf.Tensor) -> tuple[Paper, tf.Tensor]:
    """Look for a picture with paper of its own inside transparency: its paper, and whether there is
    one, bool []. Its rim has one colour, and there is another colour inside; bare ink has the
    rim's colour everywhere.
    """
    step = 1 + tf.reduce_max(tf.shape(solid)) // _LOOKED_AT
    solid = tf.ensure_shape(solid[::step, ::step], [None, None])
    colours = tf.ensure_shape(part.pixels[::step, ::step, :3], [None, None, 3])
    colours = tf.cast(colours, tf.float32)
    outside = tf.pad(tf.cast(~solid, tf.float32), [[1, 1], [1, 1]], constant_values=1)
    rim = solid & (
        tf.nn.max_pool2d(outside[tf.newaxis, ..., tf.newaxis], 3, 1, "VALID")[0, ..., 0] > 0
    )
    of_rim = tf.boolean_mask(colours, rim)
    some = tf.concat([of_rim, tf.zeros([1, 3])], 0)
    colour = tf.sort(some, axis=0)[tf.shape(of_rim)[0] // 2]
    differs = tf.reduce_max(tf.abs(colours - colour), -1) >= _OTHER_COLOUR
    on_rim, within = (_share(differs, where) for where in (rim, solid))
    flat = tf.zeros([_CHANNELS])
    paper = Paper(tf.concat([colour, [PIXEL_MAX]], 0), flat, flat)
    return paper, (on_rim <= _MOST_ON_RIM) & (within >= _LEAST_WITHIN)


def _share(present: tf.Tensor, where: tf.Tensor) -> tf.Tensor:
    counted = tf.cast(where, tf.float32)
    return tf.math.divide_no_nan(
        tf.reduce_sum(tf.cast(present & where, tf.float32)), tf.reduce_sum(counted)
    )
