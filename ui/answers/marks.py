"""Marks that are no digit at all, told from the image that the model saw."""

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_INK: Final = 96
"""Of 255: darker is paper. Below the half, as the rim of a scaled dot is grey."""
_FULL: Final = 0.68
"""A disc fills 0.79 of its box and a square all of it; the ring of a 0 with a broad pen 0.6."""
_LONG: Final = 1.6
"""A mark longer than this, over its width, is a stroke; a 1 is."""
_LITTLE: Final = 0.08
"""Of the picture: three dots of the broadest pen cover 0.06, a scribble far more."""
_DARK: Final = 128
_TINY: Final = 4
"""Pixels of a mark whose shape cannot be told."""


def only_dots(image: NDArray[np.uint8], picture: bytes) -> bool:
    """Whether all ink is in small round spots, as a tap of the pen leaves them.

    Args:
        image: uint8 [28, 28], 0..255, ink bright: scaled, so that a dot looks like a filled square.
        picture: the PNG it was made of, drawn on the pad: dark on white.
    """
    spots = _spots(image > _INK)
    return bool(spots) and all(_is_round(spot) for spot in spots) and _ink_share(picture) < _LITTLE


def _ink_share(picture: bytes) -> float:
    """The part of the picture that is dark, 0..1; 1 where that cannot be told."""
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            grey = np.asarray(opened.convert("L"))
    except OSError:
        return 1.0
    return float((grey < _DARK).mean())


def _is_round(spot: NDArray[np.int64]) -> bool:
    """Whether the pixels int64 [n, 2] of one mark fill a box about as long as wide."""
    height, width = np.ptp(spot, axis=0) + 1
    longest, shortest = max(height, width), min(height, width)
    is_tiny = len(spot) <= _TINY
    return bool(is_tiny or (longest <= _LONG * shortest and len(spot) >= _FULL * height * width))


def _spots(ink: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The pixels int64 [n, 2] of each connected mark of bool [height, width]; corners connect."""
    left = {(int(y), int(x)) for y, x in np.argwhere(ink)}
    spots = []
    while left:
        border = [left.pop()]
        spot = []
        while border:
            y, x = border.pop()
            spot.append((y, x))
            near = {(y + down, x + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= near
            border += near
        spots.append(np.array(spot))
    return spots
