"""A client of a played model, over both protocols."""

from collections.abc import Iterator

import pytest

from serving.client import Client, connect
from tests.support.client_doubles import Play, Stage, grpc_double, rest_double


@pytest.fixture
def play() -> Play:
    return Play()


@pytest.fixture(params=[grpc_double, rest_double], ids=["grpc", "rest"])
def client(request: pytest.FixtureRequest, play: Play) -> Iterator[Client]:
    stage = Stage()
    stage.play = play
    with request.param(stage) as address, connect(address, deadline=2.0) as client:
        yield client
