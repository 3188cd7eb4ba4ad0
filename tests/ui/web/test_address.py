"""Where the page listens."""

import socket
from collections.abc import Callable

import pytest

from serving.server.rest.server import _bind
from ui.web.address import listen


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("bind", [listen, _bind], ids=["page", "REST"])
def test_listening_on_every_address_answers_both_families(
    bind: Callable[[str, int], socket.socket],
) -> None:
    with bind("::", 0) as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, port), timeout=10):
                pass


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_listening_on_one_address_leaves_the_other_family_alone() -> None:
    with listen("::1", 0) as listener, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=10)
