"""How many pixels an encoded picture says it has: what decoding it would cost, known from a few
bytes."""

from typing import Final

from digits.contract import DRAWING_MAX_PIXELS

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_MOST_PICTURES: Final = 16
"""Signatures looked at in one item (a tf.Example may hold several features); one with more counts
as the largest picture."""
_MOST_SEGMENTS: Final = 64
"""Of a JPEG's head; one with more is taken for the largest."""
_MARKER: Final = 0xFF
"""First byte of every marker. Twice, it is filling, which decoders skip."""
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Second byte of the markers of frames. Source: ITU-T T.81, table B.1."""
_HEAD: Final = 9
"""Bytes of a segment up to the end of its frame's size."""


def count_pixels(content: bytes) -> int:
    """Width times height, at most what is decoded at all; 0 where no picture begins."""
    largest, start = 0, content.find(_PNG)
    for _ in range(_MOST_PICTURES):
        if start < 0:
            break
        largest = max(largest, _count_png(content, start))
        start = content.find(_PNG, start + 1)
    else:
        return DRAWING_MAX_PIXELS
    if not largest and (start := content.find(_JPEG)) >= 0:
        largest = _count_jpeg(content, start)
    return min(largest, DRAWING_MAX_PIXELS)


def _count_png(content: bytes, start: int) -> int:
    width, height = content[start + 16 : start + 20], content[start + 20 : start + 24]
    return int.from_bytes(width, "big") * int.from_bytes(height, "big")


def _count_jpeg(content: bytes, start: int) -> int:
    position = start + 2
    for _ in range(_MOST_SEGMENTS):
        head = content[position : position + _HEAD]
        if len(head) < _HEAD:
            return 0
        if head[0] != _MARKER or head[1] == _MARKER:
            break
        if head[1] in _FRAMES:
            return int.from_bytes(head[5:7], "big") * int.from_bytes(head[7:9], "big")
        position += 2 + int.from_bytes(head[2:4], "big")
    return DRAWING_MAX_PIXELS
