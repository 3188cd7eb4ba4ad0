"""Decode PNG and JPEG inside the TensorFlow graph, without ever failing for what the bytes are."""

from collections.abc import Callable
from typing import Any, Final

import tensorflow as tf

from digits.contract import DRAWING_MAX_PIXELS, PIXEL_MAX, Problem

_PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_MAGIC: Final = b"\xff\xd8\xff"
_JPEG_SCAN: Final = b"\xff\xda"
_JPEG_MAX_SCANS: Final = 64
"""Progressive JPEGs have about 10 scans; each costs a pass over all pixels, so thousands are an
attack."""
_PNG_SIDES: Final = slice(16, 24)
_PNG_BITS: Final = 24
"""Bytes of the header with width and height, and with the bits per channel. Source: PNG
specification, 11.2.1: the header chunk comes first."""
_CHANNELS: Final = 4
_WHOLE_BYTE: Final = 8
"""Bits a channel."""

Decoded = tuple[tf.Tensor, tf.Tensor]
"""uint8 [h, w, 3 or 4], empty if it cannot be decoded, and the declared width x height, int64
[]."""


def decode(png: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode one encoded picture. Its declared size is read before any pixel is.

    Args:
        png: string [], a PNG or JPEG; anything else gets a problem.

    Returns:
        pixels: uint8 [h, w, c], red, green, blue and, of a PNG, alpha; empty if there is a problem.
        problem: int32 [], a `digits.contract.Problem`.
    """
    pixels, declared = tf.cond(
        tf.equal(tf.strings.substr(png, 0, len(_PNG_MAGIC)), _PNG_MAGIC),
        lambda: _decode_png(png),
        lambda: tf.cond(_worth_decoding(png), lambda: _decode_jpeg(png), _nothing),
    )
    refused = tf.where(declared > DRAWING_MAX_PIXELS, Problem.TOO_LARGE, Problem.NOT_AN_IMAGE)
    return pixels, tf.where(tf.size(pixels) > 0, Problem.NONE, refused)


def attempt(function: Callable[[tf.Tensor], Any], item: tf.Tensor, fallback: Any) -> Any:
    """`function(item)`, or `fallback` if it fails; a plain call would fail the whole batch.

    A data set may skip an element that fails, the only way to survive an operation's error inside a
    graph.

    Args:
        function: keep it small: a server prepares it again on every call.
        item: its argument.
        fallback: of the types that `function` returns; sizes may differ.
    """
    tried = tf.data.Dataset.from_tensors(item).map(function).ignore_errors()
    return tried.concatenate(tf.data.Dataset.from_tensors(fallback)).take(1).get_single_element()


def _nothing() -> Decoded:
    return tf.zeros([0, 0, _CHANNELS], tf.uint8), tf.constant(0, tf.int64)


def _decode_png(png: tf.Tensor) -> Decoded:
    header = tf.io.decode_raw(png, tf.uint8, fixed_length=_PNG_BITS + 1)
    sides = tf.reshape(tf.cast(header[_PNG_SIDES], tf.int64), [2, 4])
    declared = tf.reduce_prod(tf.reduce_sum(sides * [1 << 24, 1 << 16, 1 << 8, 1], 1))
    pixels = tf.cond(
        (declared > 0) & (declared <= DRAWING_MAX_PIXELS),
        lambda: attempt(
            lambda encoded: tf.io.decode_png(encoded, channels=_CHANNELS), png, _nothing()[0]
        ),
        lambda: _nothing()[0],
    )
    return _with_whole_alpha(pixels, tf.cast(header[_PNG_BITS], tf.int32)), declared


def _with_whole_alpha(rgba: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """Decoded by TensorFlow 2.20, opaque pixels have alpha 1, 3 or 15 in a PNG with 1, 2 or 4 bits
    a channel."""

    def corrected() -> tf.Tensor:
        opaque = tf.cast(rgba, tf.int32) * [0, 0, 0, 1] == tf.bitwise.left_shift(1, bits) - 1
        return tf.where(opaque, tf.constant(PIXEL_MAX, tf.uint8), rgba)

    return tf.cond(bits < _WHOLE_BYTE, corrected, lambda: rgba)


def _worth_decoding(jpeg: tf.Tensor) -> tf.Tensor:
    return tf.cond(
        tf.equal(tf.strings.substr(jpeg, 0, len(_JPEG_MAGIC)), _JPEG_MAGIC),
        lambda: tf.size(tf.strings.split(jpeg, _JPEG_SCAN)) <= 1 + _JPEG_MAX_SCANS,
        lambda: tf.constant(False),
    )


def _decode_jpeg(jpeg: tf.Tensor) -> Decoded:
    def declared_size(encoded: tf.Tensor) -> tf.Tensor:
        return tf.reduce_prod(tf.image.extract_jpeg_shape(encoded, tf.int64)[:2])

    def decoded(encoded: tf.Tensor) -> tf.Tensor:
        return tf.io.decode_jpeg(encoded, channels=_CHANNELS - 1)

    declared = attempt(declared_size, jpeg, tf.constant(0, tf.int64))
    pixels = tf.cond(
        (declared > 0) & (declared <= DRAWING_MAX_PIXELS),
        lambda: attempt(decoded, jpeg, tf.zeros([0, 0, _CHANNELS - 1], tf.uint8)),
        lambda: tf.zeros([0, 0, _CHANNELS - 1], tf.uint8),
    )
    return pixels, declared
