"""What the browser sends: a JSON text of what is to be done and the picture,
`data:image/…;base64,…`; empty while nothing is drawn."""

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from digits.contract import DRAWING_MAX_BYTES
from ui.errors import DrawingError

Mode = Literal["digit", "number", "compare"]

_KINDS: Final = {"data:image/png;base64,": "png", "data:image/jpeg;base64,": "jpg"}
_AROUND: Final = 200
"""Characters around the picture: the other fields, and the picture's own beginning."""
MAX_CHARACTERS: Final = (DRAWING_MAX_BYTES + 2) // 3 * 4 + _AROUND
"""Longest text of a drawing of `DRAWING_MAX_BYTES`; base64 spells three bytes in four
characters."""
_MANY: Final = 1_000_000_000


@dataclass(frozen=True)
class Sheet:
    """What is drawn, and what is to be done with it."""

    mode: Mode = "digit"
    picture: bytes = b""
    """An encoded image, not looked at; nothing at all where nothing is drawn."""
    kind: str = "png"
    """What it claims to be: png or jpg."""
    number: int = 0
    """The page's count of its questions, which comes back with the answer."""


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    mode: Mode
    picture: str
    number: Annotated[int, Field(ge=0, le=_MANY)]


def decode(sent: object) -> Sheet:
    """Take apart what the browser sent; no pixel is looked at, the model's own graph does that.

    Args:
        sent: untrusted; anything that JSON can say.

    Raises:
        DrawingError: it is not such a text, or longer than `MAX_CHARACTERS`.
    """
    if sent is None or sent == "":
        return Sheet()
    if not isinstance(sent, str):
        raise _strange()
    if len(sent) > MAX_CHARACTERS:
        raise DrawingError(
            f"Expected a drawing of at most {DRAWING_MAX_BYTES:,} bytes; received a larger one. "
            "Clear it and draw again."
        )
    try:
        found = _Sent.model_validate_json(sent)
    except ValidationError as error:
        raise _strange() from error
    picture, kind = _picture(found.picture)
    return Sheet(found.mode, picture, kind, found.number)


def _picture(text: str) -> tuple[bytes, str]:
    if not text:
        return b"", "png"
    for beginning, kind in _KINDS.items():
        if text.startswith(beginning):
            try:
                return b64decode(text.removeprefix(beginning), validate=True), kind
            except (binascii.Error, ValueError) as error:
                raise DrawingError(
                    "Expected a complete drawing; received a damaged one. Clear it and draw again."
                ) from error
    raise _strange()


def _strange() -> DrawingError:
    return DrawingError(
        "Expected a drawing of this page; received something else. Clear it and draw again."
    )


def encode(picture: bytes, kind: str = "png") -> str:
    """The text by which a browser shows the image `picture`."""
    beginning = next(beginning for beginning, name in _KINDS.items() if name == kind)
    return beginning + b64encode(picture).decode("ascii")


def to_sent(sheet: Sheet) -> str:
    """The text that the browser sends for a sheet; `decode` the other way round."""
    picture = encode(sheet.picture, sheet.kind) if sheet.picture else ""
    return _Sent(mode=sheet.mode, picture=picture, number=sheet.number).model_dump_json()
