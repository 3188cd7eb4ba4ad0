"""What the client refuses before it sends anything."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from digits.contract import DRAWING_MAX_BYTES, IMAGE_SIZE
from serving.client.errors import InvalidRequestError

_SERVER: Final = re.compile(
    r"(grpcs?|rest|https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})"
)
_LARGEST_PORT: Final = 65535


@dataclass(frozen=True)
class Address:
    """Where a server is, and how to speak with it."""

    protocol: str
    """`grpc` or `rest`."""
    tls: bool
    place: str
    """`host:port`."""


def split_server(server: str) -> Address:
    """Read `grpc://host:port` or `rest://host:port`; `grpcs` and `https` are the same with TLS, and
    `http` is another word for `rest`.

    Raises:
        InvalidRequestError: it is something else.
    """
    match = _SERVER.fullmatch(server)
    if match is None or not 0 < int(match[3]) <= _LARGEST_PORT:
        raise InvalidRequestError(
            "expected a server such as grpc://localhost:8500 or rest://localhost:8501 (with TLS: "
            f"grpcs:// or https://); received {server!r}; give scheme, host and port"
        )
    protocol = "grpc" if match[1].startswith("grpc") else "rest"
    return Address(protocol, match[1] in ("grpcs", "https"), f"{match[2]}:{match[3]}")


def check_images(images: Any) -> None:
    """Make sure that `images` is uint8 [n, 28, 28] with n at least 1.

    Raises:
        InvalidRequestError: it is not. One image alone is refused too; only the caller knows if an
            axis got lost.
    """
    if not isinstance(images, np.ndarray):
        _refuse(
            "a NumPy array uint8 [n, 28, 28]",
            type(images).__name__,
            "pass numpy.asarray(images, dtype=numpy.uint8)",
        )
    received = f"{images.dtype} {list(images.shape)}"
    if images.shape == (IMAGE_SIZE, IMAGE_SIZE):
        _refuse(
            "images uint8 [n, 28, 28]", received, "pass images[numpy.newaxis] for a single image"
        )
    if images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE) or len(images) == 0:
        _refuse(
            "images uint8 [n, 28, 28] with n at least 1",
            received,
            "scale each to 28 x 28, or send drawings to `read` instead",
        )
    if images.dtype != np.uint8:
        _refuse(
            "images uint8 [n, 28, 28], 0..255",
            received,
            "convert to whole numbers 0..255; the model scales by itself",
        )


def check_drawings(drawings: Any) -> None:
    """Make sure that `drawings` is a sequence of one or more encoded images of acceptable size.

    Raises:
        InvalidRequestError: it is not; the text counts from 1. Whether the bytes are an image is
            for the model to say.
    """
    if (
        isinstance(drawings, bytes | bytearray | str)
        or not isinstance(drawings, Sequence)
        or not drawings
    ):
        _refuse(
            "a list of one or more PNG or JPEG files as bytes",
            _describe(drawings),
            "pass [path.read_bytes()] for a single drawing",
        )
    for number, drawing in enumerate(drawings, start=1):
        if not isinstance(drawing, bytes):
            _refuse(
                "drawings as bytes",
                f"{type(drawing).__name__} as drawing {number}",
                "pass the content of a PNG or JPEG file",
            )
        if not 0 < len(drawing) <= DRAWING_MAX_BYTES:
            advice = "send a smaller image" if drawing else "leave out what is empty"
            _refuse(
                f"drawings of 1 to {DRAWING_MAX_BYTES} bytes",
                f"{len(drawing)} bytes as drawing {number}",
                advice,
            )


def _describe(value: object) -> str:
    return (
        f"an empty {type(value).__name__}"
        if isinstance(value, Sequence) and not value
        else type(value).__name__
    )


def _refuse(expected: str, received: str, advice: str) -> None:
    raise InvalidRequestError(f"expected {expected}; received {received}; {advice}")
