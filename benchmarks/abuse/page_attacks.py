"""What a stranger sends to the page, from an address of its own:
`python -m benchmarks.abuse.page_attacks NAME PORT SECONDS`."""

import http.client
import io
import itertools
import json
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Final

import numpy as np
from PIL import Image

from benchmarks.abuse.attacks import run_at_once, white_png
from tests.support.released_server import draw_seven
from ui.answers.drawing import Sheet, to_sent

_HOST: Final = "127.0.0.1"
_STRANGER: Final = "127.0.0.2"
"""Where the attacks come from, so that the page can tell them from its good visitor."""
_JOIN: Final = "/gradio_api/queue/join"
_SENDERS: Final = 32
_SIDE: Final = 2000
"""Pixels; such a picture is as large as the page and the model take."""
SEVEN: Final = to_sent(Sheet(picture=draw_seven()))
"""A question about a small drawing."""
_STREAMS: Final = 300
_SILENT: Final = 1500
_BODIES: Final = 200


def page_questions(port: int, until: float) -> None:
    """Small questions, each with a new session whose answer is not collected."""
    run_at_once(_SENDERS, lambda: _ask(port, SEVEN, until))


def page_pictures(port: int, until: float) -> None:
    """The same with a picture of 4 million pixels in each, all white: a small body."""
    picture = to_sent(Sheet(picture=white_png(_SIDE)))
    run_at_once(_SENDERS, lambda: _ask(port, picture, until))


def page_streams(port: int, until: float) -> None:
    """Sessions whose answers are asked for twice and read by nobody."""
    with ExitStack() as opened:
        for number in itertools.count():
            if time.monotonic() > until:
                return
            if number >= _STREAMS:
                time.sleep(0.1)
                continue
            session = _post_once(port, SEVEN)
            for _ in range(2):
                with suppress(OSError):
                    one = opened.enter_context(_connect(port, receive_buffer=1024))
                    one.sendall(_get(port, f"/gradio_api/queue/data?session_hash={session}"))


def page_bodies(port: int, until: float) -> None:
    """Large questions whose last byte does not come."""
    body = _question(_noise())
    with ExitStack() as opened:
        for _ in range(_BODIES):
            if time.monotonic() > until:
                return
            with suppress(OSError):
                one = opened.enter_context(_connect(port))
                one.sendall(_head(port, len(body)) + body[:-1])
        time.sleep(max(0.0, until - time.monotonic()))


def page_silent(port: int, until: float) -> None:
    """Connections that say nothing."""
    with ExitStack() as opened:
        for _ in range(_SILENT):
            with suppress(OSError):
                opened.enter_context(_connect(port))
        time.sleep(max(0.0, until - time.monotonic()))


PAGE_ATTACKS: Final[dict[str, Callable[[int, float], None]]] = {
    attack.__name__: attack
    for attack in (page_questions, page_pictures, page_streams, page_bodies, page_silent)
}


def _ask(port: int, sent: str, until: float) -> None:
    for body in _questions(sent):
        if time.monotonic() > until:
            return
        one = http.client.HTTPConnection(_HOST, port, timeout=10, source_address=(_STRANGER, 0))
        with suppress(OSError, http.client.HTTPException):
            one.request("POST", _JOIN, body, {"Content-Type": "application/json"})
            one.getresponse().read()
        one.close()


def _questions(sent: str) -> Iterator[bytes]:
    """The same question in a new session each time."""
    start, end = _question(sent, "@").split(b"@")
    while True:
        yield start + secrets.token_hex(8).encode() + end


def _question(sent: str, session: str = "x") -> bytes:
    return json.dumps({"fn_index": 0, "session_hash": session, "data": [sent]}).encode()


def _post_once(port: int, sent: str) -> str:
    session = secrets.token_hex(8)
    with suppress(OSError), _connect(port) as one:
        body = _question(sent, session)
        one.sendall(_head(port, len(body)) + body)
        one.recv(1000)
    return session


def _connect(port: int, receive_buffer: int = 0) -> socket.socket:
    one = socket.socket()
    one.settimeout(2.0)
    if receive_buffer:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    one.bind((_STRANGER, 0))
    one.connect((_HOST, port))
    return one


def _get(port: int, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {_HOST}:{port}\r\n\r\n".encode()


def _head(port: int, length: int) -> bytes:
    return (
        f"POST {_JOIN} HTTP/1.1\r\nHost: {_HOST}:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def _noise() -> str:
    """A question with the largest picture, which does not get smaller as PNG."""
    pixels = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return to_sent(Sheet(picture=file.getvalue()))


if __name__ == "__main__":
    name, port, seconds = sys.argv[1:]
    PAGE_ATTACKS[name](int(port), time.monotonic() + float(seconds))
