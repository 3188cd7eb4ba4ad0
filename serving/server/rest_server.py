"""The HTTP server under the REST door: uvicorn in a thread of its own, so that the main thread keeps the signals."""

import socket
import threading
from typing import Final

import uvicorn
from starlette.types import ASGIApp

_BACKLOG: Final = 2048
"""Connections that may wait to be accepted; uvicorn's own default."""


class RestServer:
    """Binds its port when made, answers after `start`."""

    def __init__(self, app: ASGIApp, host: str, port: int, drain_seconds: float) -> None:
        """Bind the port.

        Raises:
            OSError: it is taken.
        """
        self._socket = _bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, int(drain_seconds)),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, name="rest", daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Take no new calls, and wait at most `seconds` for those in flight."""
        self._server.should_exit = True
        self._thread.join(seconds)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise OSError(f"expected a free port for REST; received {host}:{port}: {error.strerror}; choose another") from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it; without, each answer waits 40 ms for an ACK
    return listener
