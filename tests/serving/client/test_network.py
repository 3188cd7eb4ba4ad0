"""What the client makes of a bad network, through both protocols: a real connection with a proxy in
it that misbehaves."""

from collections.abc import Iterator

import numpy as np
import pytest

from serving.client import Client, DeadlineExceededError, UnavailableError, connect
from tests.support.client_doubles import Play, Stage, grpc_double, rest_double
from tests.support.faulty_proxy import Proxy, faulty_proxy

IMAGES = np.zeros((2, 28, 28), np.uint8)
SHORT, LONG = 2.0, 60.0
"""Deadlines in seconds: one that is meant to pass, one that no busy machine reaches."""


@pytest.fixture(params=[grpc_double, rest_double], ids=["grpc", "rest"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    stage = Stage()
    stage.play = Play()
    with request.param(stage) as address:
        yield address


@pytest.fixture
def proxy(server: str) -> Iterator[Proxy]:
    host, port = server.partition("://")[2].split(":")
    with faulty_proxy(host, int(port)) as proxy:
        yield proxy


def client_of(server: str, proxy: Proxy, deadline: float) -> Client:
    return connect(f"{server.partition('://')[0]}://{proxy.address}", deadline=deadline)


def test_slow_network_is_waited_for(server: str, proxy: Proxy) -> None:
    proxy.faults = ["delay"]
    with client_of(server, proxy, LONG) as client:
        assert len(client.predict(IMAGES)) == 2


@pytest.mark.parametrize("fault", ["reset", "cut"])
def test_connection_that_breaks_is_made_again(fault: str, server: str, proxy: Proxy) -> None:
    proxy.faults = [fault]  # type: ignore[list-item] # one of its words
    with client_of(server, proxy, LONG) as client:
        assert len(client.predict(IMAGES)) == 2
    assert proxy.connections >= 2


def test_connection_that_always_breaks_is_unavailable_in_one_sentence(
    server: str, proxy: Proxy
) -> None:
    proxy.faults = ["reset"] * 50
    with (
        client_of(server, proxy, LONG) as client,
        pytest.raises(UnavailableError, match="expected a server at"),
    ):
        client.predict(IMAGES)


def test_silent_connection_ends_at_the_deadline_and_the_next_call_takes_another(
    server: str, proxy: Proxy
) -> None:
    proxy.faults = ["silence"]
    with client_of(server, proxy, SHORT) as client:
        with pytest.raises(DeadlineExceededError):
            client.predict(IMAGES)
        assert len(client.predict(IMAGES)) == 2
    assert proxy.connections == 2


def test_connection_that_falls_silent_after_good_calls_is_left(server: str, proxy: Proxy) -> None:
    with client_of(server, proxy, SHORT) as client:
        assert len(client.predict(IMAGES)) == 2
        proxy.fall_silent()
        with pytest.raises(DeadlineExceededError):
            client.predict(IMAGES)
        assert len(client.predict(IMAGES)) == 2
