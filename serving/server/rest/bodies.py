"""Bodies of the REST protocol: read within a limit, unzipped, written as JSON, zipped for those who
like it so."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from serving.server.codecs import json_parser
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


class BodyTooLargeError(InvalidArgumentError):
    """The body, as sent or unzipped, is larger than allowed."""


async def read_body(request: Request, most: int, hold: Callable[[int], None]) -> bytes:
    """The body, unzipped if it says that it is zipped.

    Args:
        most: bytes, before and after unzipping.
        hold: called with the size of each part; what it raises ends the reading.

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
    return _unzip(body, most) if request.headers.get("content-encoding") == "gzip" else body


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


def read_document(body: bytes) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        InvalidArgumentError: it is no JSON, no object, or names a signature by something else than
            a string.
    """
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
    if (
        "gzip" in request.headers.get("accept-encoding", "")
        and len(response.body) >= _WORTH_ZIPPING
    ):
        response.body = gzip.compress(response.body, _ZIP_LEVEL)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
        response.headers["Vary"] = "Accept-Encoding"
