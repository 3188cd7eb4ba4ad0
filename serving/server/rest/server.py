"""The HTTP server under the REST protocol: uvicorn in a thread of its own, so that the main thread
keeps the signals."""

import asyncio
import functools
import json
import socket
import sys
import threading
from typing import Any, Final

import httptools
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

GONE: Final = "caller_gone"
"""Key in a request's ASGI state: the connection was lost before the answer."""
_BACKLOG: Final = 2048
"""Connections that may wait to be accepted; uvicorn's own default."""
_LARGEST_HEAD: Final = 65536
"""Bytes; uvicorn's own limit where it parses in Python, and the C parser has none."""
_LONGEST_VERB: Final = 32
_VERSIONS: Final = ("0.9", "1.0", "1.1")
"""Of HTTP. TensorFlow Serving's HTTP library refuses those from 2 on in a request line. Source:
evhttp_parse_http_version of libevent 2.1."""


class _VersionError(Exception):
    """A request line in a version of HTTP that is not spoken here."""


class RestServer:
    """Binds its port when made, answers after `start`."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        drain_seconds: float,
        receive_seconds: float,
        keep_alive_seconds: int,
    ) -> None:
        """Bind the port.

        Args:
            app: what answers.
            host: address to listen on.
            port: of it.
            drain_seconds: for calls in flight at the end.
            receive_seconds: in which the head of a request must be there.
            keep_alive_seconds: that a connection may wait for its next request.

        Raises:
            OSError: it is taken.
        """
        self._socket = _bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=functools.partial(_Impatient, receive_seconds),  # type: ignore[arg-type]  # made by calling it, as a class is
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=keep_alive_seconds,
            timeout_graceful_shutdown=max(1, int(drain_seconds)),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="rest", daemon=True
        )

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Take no new calls, and wait at most `seconds` for those in flight."""
        self._server.should_exit = True
        self._thread.join(seconds)


class _Impatient(HttpToolsProtocol):
    """Closes a connection on which the head of a request does not come in time, or is too large:
    uvicorn waits for ever, and each waiting one is a socket.

    Between two requests uvicorn's own timer runs, until the first byte of the next one.
    """

    def __init__(self, seconds: float, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self._head_expected = True
        self._head_size = 0
        self._data = b""
        self._body_expected = False
        self._rest_of_body: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Wait on while the head is not whole."""
        self._data = data
        super().data_received(data)
        self._data = b""
        if self._head_expected:
            self._head_size += len(data)
            if self._head_size > _LARGEST_HEAD:
                self.transport.close()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer; let whoever computes an answer know that nobody waits for it."""
        self._forget()
        self._forget_body()
        if self.cycle is not None:
            self.cycle.scope["state"][GONE] = True
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head_expected, self._head_size = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole. What follows a `#` is part of the path that was sent."""
        self._head_expected, self._body_expected = False, True
        if (version := self.parser.get_http_version()) not in _VERSIONS:
            raise _VersionError(version)
        super().on_headers_complete()
        self.scope["raw_path"], _, self.scope["query_string"] = self.url.partition(b"?")

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._body_expected = False
        self._forget_body()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A call answered before its body was whole, for it came too slowly or is too large, has as
        long again to end; an answer to a caller who still sends would be lost by closing at
        once."""
        super().on_response_complete()
        answered = self.cycle.response_complete  # or it is the one behind it whose body is awaited
        if self._body_expected and answered and not self.transport.is_closing():
            self._rest_of_body = self.loop.call_later(self._seconds, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP/1; an unknown verb or version is answered in the API's form."""
        error = sys.exc_info()[1]
        cause = error.__context__ if error else None
        if isinstance(error, httptools.HttpParserInvalidMethodError):
            verb = self._data.split(b" ", 1)[0][:_LONGEST_VERB].decode("latin-1")
            self._refuse("501 Not Implemented", f"Unknown HTTP method: {verb}")
        elif isinstance(cause, _VersionError):
            text = f"Expected HTTP/1.1 or HTTP/1.0; received HTTP/{cause}; send it in one of those"
            self._refuse("400 Bad Request", text)
        else:
            super().send_400_response(msg)

    def _refuse(self, status: str, text: str) -> None:
        body = json.dumps({"error": text}).encode()
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _watch(self) -> None:
        if not self._head_expected:
            self._forget()
        elif self._timer is None:
            self._timer = self.loop.call_later(self._seconds, self._give_up)

    def _give_up(self) -> None:
        """Close, unless the head belongs to a call sent ahead while another is answered."""
        self._timer = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self._watch()

    def _forget_body(self) -> None:
        if self._rest_of_body is not None:
            self._rest_of_body.cancel()
            self._rest_of_body = None

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server(
            (host, port),
            family=family,
            backlog=_BACKLOG,
            # "::" is every address of this machine, as gRPC has it: those of IPv4 too.
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        raise OSError(
            f"expected a free port for REST; received {host}:{port}: {error.strerror}; choose "
            "another"
        ) from error
    # Connections inherit it; without, each answer waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
