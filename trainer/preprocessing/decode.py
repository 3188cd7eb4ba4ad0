"""Decode PNG and JPEG inside the TensorFlow graph, without ever failing for what the bytes are."""

from collections.abc import Callable
from typing import Final

import tensorflow as tf

from digits.contract import DRAWING_MAX_PIXELS, PIXEL_MAX, Problem

_PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_MAGIC: Final = b"\xff\xd8\xff"
_JPEG_SCAN: Final = b"\xff\xda"
_JPEG_MAX_SCANS: Final = 64
"""Progressive JPEGs have about 10 scans; each costs a pass over all pixels, so thousands are an
attack."""
_CHANNELS: Final = 4
_WHOLE_BYTE: Final = 8
"""Bits a channel."""


def decode(png: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode one encoded picture. Its declared size is read before any pixel is.

    Args:
        png: string [], a PNG or JPEG; anything else is told so.

    Returns:
        rgba: uint8 [h, w, 4], opaque where the picture has no alpha; empty where there is a
            problem.
        problem: int32 [], a `digits.contract.Problem`.
    """
    nothing = tf.zeros([0, 0, _CHANNELS], tf.uint8)
    unknown = tf.constant(0, tf.int64)
    pixels = tf.cond(
        _worth_reading(png), lambda: attempt(_declared_pixels, png, unknown), lambda: unknown
    )
    small = (pixels > 0) & (pixels <= DRAWING_MAX_PIXELS)
    rgba = tf.cond(small, lambda: attempt(_pixels, png, nothing), lambda: nothing)
    refused = tf.where(pixels > DRAWING_MAX_PIXELS, Problem.TOO_LARGE, Problem.NOT_AN_IMAGE)
    return rgba, tf.where(tf.size(rgba) > 0, Problem.NONE, refused)


def attempt(
    function: Callable[[tf.Tensor], tf.Tensor], item: tf.Tensor, fallback: tf.Tensor
) -> tf.Tensor:
    """`function(item)`, or `fallback` where it fails; a plain call would fail the whole batch.

    A data set may skip an element that fails, the only way to survive an operation's error inside a
    graph.

    Args:
        function: keep it small: a server prepares it again on every call.
        item: its argument.
        fallback: of the same type; sizes may differ.
    """
    tried = tf.data.Dataset.from_tensors(item).map(function).ignore_errors()
    return tried.concatenate(tf.data.Dataset.from_tensors(fallback)).take(1).get_single_element()


def _is_png(png: tf.Tensor) -> tf.Tensor:
    return tf.equal(tf.strings.substr(png, 0, len(_PNG_MAGIC)), _PNG_MAGIC)


def _worth_reading(png: tf.Tensor) -> tf.Tensor:
    jpeg = tf.equal(tf.strings.substr(png, 0, len(_JPEG_MAGIC)), _JPEG_MAGIC)
    return tf.cond(
        jpeg,
        lambda: tf.size(tf.strings.split(png, _JPEG_SCAN)) <= 1 + _JPEG_MAX_SCANS,
        lambda: _is_png(png),
    )


def _declared_pixels(png: tf.Tensor) -> tf.Tensor:
    """Width x height as the header says: int64 []. Fails where there is none.

    Source: PNG specification, 11.2.1: the header chunk comes first, so width and height are bytes
    16..23.
    """

    def from_header() -> tf.Tensor:
        sides = tf.reshape(tf.io.decode_raw(tf.strings.substr(png, 16, 8), tf.uint8), [2, 4])
        return tf.reduce_prod(
            tf.reduce_sum(tf.cast(sides, tf.int64) * [1 << 24, 1 << 16, 1 << 8, 1], 1)
        )

    return tf.cond(
        _is_png(png),
        from_header,
        lambda: tf.reduce_prod(tf.image.extract_jpeg_shape(png, tf.int64)[:2]),
    )


def _pixels(png: tf.Tensor) -> tf.Tensor:
    """Decode to uint8 [h, w, 4]: red, green, blue, alpha. Fails where the data are damaged."""

    def jpeg() -> tf.Tensor:
        return tf.pad(
            tf.io.decode_jpeg(png, channels=3), [[0, 0], [0, 0], [0, 1]], constant_values=PIXEL_MAX
        )

    return tf.cond(_is_png(png), lambda: _png_pixels(png), jpeg)


def _png_pixels(png: tf.Tensor) -> tf.Tensor:
    """TensorFlow 2.20 says 1, 3 or 15 for opaque in a picture of 1, 2 or 4 bits; byte 24 of the
    header has the bits."""
    rgba = tf.io.decode_png(png, channels=_CHANNELS)
    bits = tf.cast(tf.io.decode_raw(tf.strings.substr(png, 24, 1), tf.uint8)[0], tf.int32)

    def mended() -> tf.Tensor:
        opaque = tf.cast(rgba, tf.int32) * [0, 0, 0, 1] == tf.bitwise.left_shift(1, bits) - 1
        return tf.where(opaque, tf.constant(PIXEL_MAX, tf.uint8), rgba)

    return tf.cond(bits < _WHOLE_BYTE, mended, lambda: rgba)
