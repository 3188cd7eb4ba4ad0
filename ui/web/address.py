"""The socket the page listens on, opened before anything slow is loaded."""

import socket

from ui.errors import AddressError


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Args:
        host: name or address of this machine.
        port: 0 takes any free one.

    Raises:
        AddressError: the address is taken, not allowed, or does not belong to this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server(
            (host, port),
            family=family,
            backlog=128,
            # "::" is every address of this machine, as gRPC has it: those of IPv4 too.
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        raise AddressError(
            f"expected a free address of this machine; received {host}:{port}: {reason}; choose "
            "another --port or --host"
        ) from error


def url(listener: socket.socket) -> str:
    """What to type into a browser."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
