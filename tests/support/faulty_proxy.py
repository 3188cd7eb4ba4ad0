"""A small TCP proxy between a client and a server that delays, goes silent, resets, or cuts an
answer short."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal

Fault = Literal["none", "delay", "silence", "reset", "cut"]
DELAY: Final = 0.5
"""Seconds that the answer is held back by "delay"."""
_CUT: Final = 60
"""Bytes of the answer that "cut" lets through: past the first frames of HTTP/2, within the head of
an HTTP/1 answer."""
_BLOCK: Final = 1 << 16


class Proxy:
    """What happens to each new connection is looked up when it comes; the next one in `faults`,
    "none" once that is empty.

    "silence" is the half-open connection: it is accepted, what comes is swallowed, and nobody ever
    answers or hangs up.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        """Args: target: host and port behind it."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._silent: set[socket.socket] = set()
        self.address: str = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.faults: list[Fault] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                self.connections += 1
                self._open.append(near)
                fault = self.faults.pop(0) if self.faults else "none"
                threading.Thread(target=self._carry, args=(near, fault), daemon=True).start()

    def _carry(self, near: socket.socket, fault: Fault) -> None:
        if fault == "reset":
            near.recv(1)
            return _reset(near)
        if fault == "silence":
            with suppress(OSError):
                while near.recv(_BLOCK):
                    pass
            return None
        far = socket.create_connection(self._target)
        self._open.append(far)
        threading.Thread(target=self._pump, args=(near, far), daemon=True).start()
        return self._answer(far, near, fault)

    def _answer(self, far: socket.socket, near: socket.socket, fault: Fault) -> None:
        if fault == "delay":
            self._pump(far, near, DELAY)
        elif fault == "cut":
            left = _CUT
            with suppress(OSError):
                while left > 0 and (block := far.recv(left)):
                    near.sendall(block)
                    left -= len(block)
                near.shutdown(socket.SHUT_RDWR)
        else:
            self._pump(far, near)

    def _pump(self, source: socket.socket, target: socket.socket, delay: float = 0) -> None:
        with suppress(OSError):
            while block := source.recv(_BLOCK):
                time.sleep(delay)
                if source not in self._silent:
                    target.sendall(block)
            target.shutdown(socket.SHUT_WR)

    def fall_silent(self) -> None:
        """From now on nothing passes on the connections that are open; new ones are well."""
        self._silent |= set(self._open)

    def close(self) -> None:
        """Hang up everywhere."""
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def _reset(connection: socket.socket) -> None:
    """Hang up with a reset instead of a goodbye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def faulty_proxy(host: str, port: int) -> Iterator[Proxy]:
    """A proxy in front of `host:port`."""
    proxy = Proxy((host, port))
    try:
        yield proxy
    finally:
        proxy.close()
