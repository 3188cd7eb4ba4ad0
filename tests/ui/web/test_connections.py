"""Connections that are not used are closed, and are no more than allowed."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ui.web.address import listen
from ui.web.connections import bounded_protocol

SECONDS: Final = 0.4
MOST: Final = 3
GET: Final = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE: Final = bytes(20_000_000)
"""More than the system keeps for a reader who does not read."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    content = LARGE if scope["path"] == "/large" else b"short"
    await Response(content)(scope, receive, send)


@contextmanager
def serving() -> Iterator[Callable[[], socket.socket]]:
    """Opens connections to a server that allows few of them."""
    with listen("127.0.0.1", 0) as listener:
        config = uvicorn.Config(
            application,
            http=bounded_protocol(MOST, SECONDS),  # type: ignore[arg-type]  # see ui.serve
            lifespan="off",
            log_level="critical",
            timeout_keep_alive=60,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()

        def connect() -> socket.socket:
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(10)
            one.connect(listener.getsockname())
            return one

        try:
            yield connect
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture
def connect() -> Iterator[Callable[[], socket.socket]]:
    with serving() as opened:
        yield opened


def answer(one: socket.socket) -> bytes:
    one.sendall(GET)
    received = b""
    while not received.endswith(b"short"):
        part = one.recv(1000)
        assert part, received
        received += part
    return received


def is_closed(one: socket.socket) -> bool:
    try:
        return one.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_connection_without_a_whole_request_is_closed(
    connect: Callable[[], socket.socket], sent: bytes
) -> None:
    begun = time.monotonic()
    with connect() as one:
        one.sendall(sent)
        assert is_closed(one)
    assert SECONDS / 2 < time.monotonic() - begun < SECONDS + 5


def test_connection_in_use_stays_open_and_is_closed_after_use(
    connect: Callable[[], socket.socket],
) -> None:
    with connect() as one:
        for _ in range(4):
            assert answer(one)
            time.sleep(0.6 * SECONDS)
        assert is_closed(one)


def test_connection_whose_answer_is_not_read_is_closed(
    connect: Callable[[], socket.socket],
) -> None:
    with connect() as one:
        one.sendall(GET.replace(b" / ", b" /large "))
        time.sleep(3 * SECONDS)
        received = 0
        with suppress(ConnectionResetError):
            while part := one.recv(1 << 20):
                received += len(part)
    assert received < len(LARGE)


def test_connection_beyond_the_bound_is_closed(connect: Callable[[], socket.socket]) -> None:
    opened = [connect() for _ in range(MOST + 1)]
    begun = time.monotonic()
    assert is_closed(opened[-1])
    assert time.monotonic() - begun < SECONDS / 2
    assert answer(opened[0])
    for one in opened:
        one.close()
