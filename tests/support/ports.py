"""Ports for servers under test; no TensorFlow."""

import random
import socket
from contextlib import suppress
from typing import Final

_PORTS: Final = range(20_000, 32_000)
"""Below those that Linux gives to outgoing connections: one of them could take a port between its
choice and the server's start."""


def free_port() -> int:
    """A port nobody listens on."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
