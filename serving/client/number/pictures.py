"""Decode a picture as people send it: rotated by EXIF, CMYK, 16 bits, with damaged comments."""

import io
import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits.contract import DRAWING_MAX_PIXELS, PIXEL_MAX, Problem

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PIXEL_CHUNKS: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf"})
"""Chunks that decide the pixels. Pillow refuses a whole picture for a damaged or long comment."""
_ORIENTATION: Final = 0x0112
"""EXIF tag. Source: Exif 2.32, section 4.6.4."""
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its orientation; 1 is upright."""


def open_picture(content: bytes) -> Image.Image | Problem:
    """Decode a PNG or JPEG, upright, as RGBA; or say why it cannot be read."""
    try:
        image: Image.Image = Image.open(io.BytesIO(_pixels_only(content)), formats=("PNG", "JPEG"))
        if image.width * image.height > DRAWING_MAX_PIXELS:
            return Problem.TOO_LARGE
        image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Problem.TOO_LARGE
    except (OSError, SyntaxError, ValueError):
        return Problem.NOT_AN_IMAGE
    turn = _TURNS.get(_orientation(image))
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would cut off instead of scaling
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    elif image.mode == "CMYK":
        image = Image.fromarray(_from_cmyk(np.asarray(image), turned="adobe" in image.info))
    return (image if turn is None else image.transpose(turn)).convert("RGBA")


def _pixels_only(content: bytes) -> bytes:
    """A PNG without comments, times and profiles; anything else as it is."""
    return _PNG + b"".join(_chunks(content)) if content.startswith(_PNG) else content


def _chunks(content: bytes) -> Iterator[bytes]:
    start = len(_PNG)
    while start < len(content):
        stop = start + 12 + int.from_bytes(content[start : start + 4], "big")
        if content[start + 4 : start + 8] in _PIXEL_CHUNKS:
            yield content[start:stop]
        start = stop


def _orientation(image: Image.Image) -> int:
    """As EXIF has it; 1 where there is none or it is damaged."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return 1
    return found if isinstance(found, int) else 1


def _from_cmyk(inks: NDArray[np.uint8], *, turned: bool) -> NDArray[np.uint8]:
    """uint8 [h, w, 3] from [h, w, 4] as TensorFlow converts it, which takes 0 for full ink; Pillow
    has `turned` the values of pictures with Adobe's marker."""
    paper = (PIXEL_MAX - inks if turned else inks).astype(np.uint16)
    return (paper[..., :3] * paper[..., 3:] // PIXEL_MAX).astype(np.uint8)
