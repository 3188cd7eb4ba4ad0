"""Bodies of the REST protocol: read within a limit, unzipped, written as JSON, zipped for those who
like it so."""

import base64
import gzip
import json
import re
import threading
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from digits.contract import DRAWINGS
from serving.server.codecs import json_parser
from serving.server.codecs.json_text import bytes_when_parsed
from serving.server.codecs.json_values import BASE64_KEY
from serving.server.errors import InvalidArgumentError

TOO_LARGE: Final = 413
"""HTTP's own status for a body that is too large."""
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
"""zlib's number for "gzip and nothing else"."""
_WORTH_ZIPPING: Final = 1024
"""Bytes; a smaller answer fits one packet anyway. Source: TensorFlow Serving's HTTP server."""
_ZIP_LEVEL: Final = 1
"""zlib's fastest: digits of numbers hardly get smaller at a higher one."""
_JSON: Final = "application/json"
PICTURE_TYPES: Final = ("image/png", "image/jpeg")
"""Content types of a body that is one encoded picture."""
_PICTURE_COPIES: Final = 3
"""Times that such a body lies in memory at once: as sent, in base64, decoded."""
_GZIP_OFFER: Final = re.compile(r"(?:x-)?gzip(?:;q=(?P<weight>[0-9.]+))?", re.IGNORECASE)
"""One member of Accept-Encoding, without blanks. Source: RFC 9110, 12.5.3."""
_LARGE: Final = 1 << 20
"""Bytes of a document whose parsing keeps the interpreter's lock for long."""
_LARGE_BODIES: Final = threading.Lock()
"""Held while such a document is parsed: a small call then waits for one of them, not for all."""
Hold = Callable[[int], None]
"""Called with bytes that a request is about to take in memory; what it raises ends the request."""


class BodyTooLargeError(InvalidArgumentError):
    """The body, as sent or unzipped, is larger than allowed."""


async def read_body(request: Request, most: int, hold: Hold) -> bytes:
    """The body, unzipped if it says that it is zipped.

    Args:
        most: bytes, before and after unzipping.
        hold: called with the size of each part.

    Raises:
        BodyTooLargeError: it is larger.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise _too_large(most)
        hold(len(part))
        parts.append(part)
    body = b"".join(parts)
    # A part of the word is enough for TensorFlow Serving too, so x-gzip is taken; case is HTTP's.
    zipped = "gzip" in request.headers.get("content-encoding", "").lower()
    return _unzip(body, most) if zipped else body


def _unzip(body: bytes, most: int) -> bytes:
    """A body that cannot be unzipped counts as empty, as with TensorFlow Serving."""
    unzipper = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = unzipper.decompress(body, most + 1)
    except zlib.error:
        return b""
    if len(plain) > most:
        raise _too_large(most)
    return plain if unzipper.eof and not unzipper.unused_data else b""


def _too_large(most: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"Expected a body of at most {most} bytes; received a larger one; send it in parts"
    )


def choose_reader(action: str, request: Request) -> Callable[[bytes, Hold], dict[str, Any]]:
    """`read_picture` where the body of a predict call is said to be a picture, else
    `read_document`."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    picture = action == "predict" and kind.strip().lower() in PICTURE_TYPES
    return read_picture if picture else read_document


def read_picture(body: bytes, hold: Hold) -> dict[str, Any]:
    """What a caller would ask in JSON about the picture that is the body."""
    hold(_PICTURE_COPIES * len(body))
    drawing = {BASE64_KEY: base64.b64encode(body).decode("ascii")}
    return {"signature_name": DRAWINGS, "instances": [drawing]}


def read_document(body: bytes, hold: Hold) -> dict[str, Any]:
    """The JSON object in a body.

    Args:
        body: as received.
        hold: called with the memory that it takes when parsed.

    Raises:
        InvalidArgumentError: it is no JSON, no object, or names a signature by something else than
            a string.
    """
    with _LARGE_BODIES if len(body) > _LARGE else nullcontext():
        hold(bytes_when_parsed(body))
        document = json_parser.parse(body)
    if not isinstance(document, dict):
        raise InvalidArgumentError(f"JSON Value: {json_parser.echo(document)} Is not object")
    if not isinstance(document.get("signature_name", ""), str):
        raise InvalidArgumentError(
            f"JSON Value: {json_parser.echo(document)} not formatted correctly. 'signature_name' "
            "key must be a string value."
        )
    return document


def json_response(
    content: dict[str, Any], status: int = 200, version: int | None = None
) -> Response:
    """An answer. Strings of a model that are no UTF-8 leave as the bytes they are, as with
    TensorFlow Serving.

    Args:
        version: the version that answered, named in a header.
    """
    headers = {} if version is None else {"Model-Version": str(version)}
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", errors="surrogateescape")
    return Response(body, status, headers, media_type=_JSON)


def zip_for(request: Request, response: Response) -> None:
    """Zip an answer that is worth it, for a caller who takes it so."""
    offers = request.headers.get("accept-encoding", "")
    if len(response.body) >= _WORTH_ZIPPING and _takes_gzip(offers):
        response.body = gzip.compress(response.body, _ZIP_LEVEL)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
        response.headers["Vary"] = "Accept-Encoding"


def _takes_gzip(offers: str) -> bool:
    for offer in offers.replace(" ", "").replace("\t", "").split(","):
        if match := _GZIP_OFFER.fullmatch(offer):
            return match["weight"] is None or match["weight"].strip("0.") != ""
    return False
