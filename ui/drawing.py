"""A drawing as the browser sends it: the text `data:image/png;base64,…`, empty while nothing is drawn."""

import binascii
from base64 import b64decode, b64encode
from typing import Final

from digits.contract import DRAWING_MAX_BYTES
from ui.errors import DrawingError

_PREFIX: Final = "data:image/png;base64,"
MAX_CHARACTERS: Final = len(_PREFIX) + (DRAWING_MAX_BYTES + 2) // 3 * 4
"""Longest text of a drawing of `DRAWING_MAX_BYTES`; base64 spells three bytes in four characters."""


def decode(drawing: object) -> bytes:
    """The PNG inside what the browser sent; no pixel is looked at, the model's own graph does that.

    Args:
        drawing: untrusted; anything that JSON can say.

    Returns:
        The encoded image, or nothing at all (`b""`) when nothing is drawn.

    Raises:
        DrawingError: it is not such a text, or longer than `MAX_CHARACTERS`.
    """
    if drawing is None or drawing == "":
        return b""
    if not isinstance(drawing, str) or not drawing.startswith(_PREFIX):
        raise DrawingError("Expected a drawing of this page; received something else. Clear it and draw again.")
    if len(drawing) > MAX_CHARACTERS:
        raise DrawingError(f"Expected a drawing of at most {DRAWING_MAX_BYTES:,} bytes; received a larger one. Clear it and draw again.")
    try:
        return b64decode(drawing.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise DrawingError("Expected a complete drawing; received a damaged one. Clear it and draw again.") from error


def encode(png: bytes) -> str:
    """The text by which a browser shows or sends the image `png`."""
    return _PREFIX + b64encode(png).decode("ascii")
