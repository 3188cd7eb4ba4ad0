"""Turn a picture as its EXIF orientation says, inside the TensorFlow graph.

Phones store a photo as the sensor saw it, and beside it how to turn it. Every viewer does so.
Source: EXIF 2.32, 4.6.4; for PNG, the `eXIf` chunk of PNG's third edition, 11.3.
"""

from typing import Final

import tensorflow as tf

_PREFIX: Final = 65_536 * 2
"""Bytes at the beginning of a file that are searched: EXIF comes before the pixels, and one segment
of a JPEG has at most 64 KiB."""
_MARKS: Final = {b"\xff\xd8\xff": b"Exif\x00\x00", b"\x89PN": b"eXIf"}
"""How a file begins, and what stands before the EXIF data in such a file."""
_TIFF: Final = 4_096
"""Bytes of the EXIF data that are read; the first directory is at their beginning."""
_ENTRIES: Final = 64
"""Most entries of the first directory that are read."""
_ENTRY_BYTES: Final = 12
_TIFF_MAGIC: Final = 42
_TAG: Final = 0x0112
_UPRIGHT: Final = 1
_LAST: Final = 8
_TRANSPOSED: Final = (False, False, False, False, False, True, True, True, True)
_FLIPPED: Final = ((0, 0), (0, 0), (0, 1), (1, 1), (1, 0), (0, 0), (0, 1), (1, 1), (1, 0))
"""By orientation, from 0: whether to transpose, and after that to flip upside down and left to
right."""


def read_orientation(encoded: tf.Tensor) -> tf.Tensor:
    """The orientation that a PNG or JPEG declares.

    Args:
        encoded: string [].

    Returns:
        int32 [], 1 to 8; 1, upright, if the file declares none.
    """
    prefix = tf.strings.substr(encoded, 0, _PREFIX)
    begins = tf.equal(tf.strings.substr(prefix, 0, 3), list(_MARKS))
    mark = tf.strings.reduce_join(tf.where(begins, list(_MARKS.values()), b""))
    pieces = tf.raw_ops.StringSplitV2(input=[prefix], sep=mark, maxsplit=1).values
    return tf.cond(
        tf.reduce_any(begins) & (tf.size(pieces) > 1),
        lambda: _in_tiff(pieces[1]),
        lambda: tf.constant(_UPRIGHT),
    )


def _in_tiff(exif: tf.Tensor) -> tf.Tensor:
    """The orientation in EXIF data, string [], which begin with a TIFF header."""
    content = tf.cast(tf.io.decode_raw(exif, tf.uint8, fixed_length=_TIFF), tf.int32)
    little = tf.equal(content[0], ord("I"))
    low, high = content[:-1], content[1:]
    numbers = tf.where(little, low + 256 * high, 256 * low + high)  # two bytes from each position
    offset = tf.where(little, numbers[4], numbers[6])
    offset = tf.minimum(offset, _TIFF - 4)
    count = tf.where(tf.equal(numbers[2], _TIFF_MAGIC), tf.minimum(numbers[offset], _ENTRIES), 0)
    entries = tf.minimum(offset + 2 + _ENTRY_BYTES * tf.range(count), _TIFF - _ENTRY_BYTES - 2)
    values = tf.gather(numbers, entries + 8)
    found = tf.reduce_max(tf.where(tf.equal(tf.gather(numbers, entries), _TAG), values, 0))
    return tf.where((found >= _UPRIGHT) & (found <= _LAST), found, _UPRIGHT)


def axes(orientation: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """What to do for orientations, int32 [n]: whether to transpose, bool [n], and after that which
    axes to flip, bool [n, 2]."""
    return tf.gather(_TRANSPOSED, orientation), tf.gather(_FLIPPED, orientation) > 0


def turn(canvases: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turn square pictures, [n, s, s], by their orientations, int32 [n]."""
    transposed, flipped = (of_each[..., tf.newaxis, tf.newaxis] for of_each in axes(orientation))
    turned = tf.where(transposed, tf.transpose(canvases, [0, 2, 1]), canvases)
    turned = tf.where(flipped[:, 0], turned[:, ::-1], turned)
    return tf.where(flipped[:, 1], turned[:, :, ::-1], turned)
