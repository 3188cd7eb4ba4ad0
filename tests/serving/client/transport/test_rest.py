"""REST answers that are none: other servers, broken proxies, endless bodies."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
from starlette.responses import Response, StreamingResponse

from serving.client import (
    Client,
    DeadlineExceededError,
    InvalidRequestError,
    NotFoundError,
    ServerFailedError,
    UnavailableError,
    connect,
)
from tests.support.client_doubles import Play, Stage, rest_double

IMAGES = np.zeros((1, 28, 28), np.uint8)


@pytest.fixture(scope="module")
def protocol() -> Iterator[tuple[Stage, str]]:
    stage = Stage()
    with rest_double(stage) as address:
        yield stage, address


@pytest.fixture
def play(protocol: tuple[Stage, str]) -> Play:
    protocol[0].play = Play()
    return protocol[0].play


@pytest.fixture
def client(protocol: tuple[Stage, str], play: Play) -> Iterator[Client]:
    with connect(protocol[1], deadline=30) as client:
        yield client


@pytest.mark.parametrize(
    "body",
    [
        *(
            "",
            "<html>",
            "[]",
            "null",
            "{}",
            '{"outputs": [1]}',
            '{"outputs": {"digit": ["x"], "probabilities": [[1]]}}',
        ),
        *(
            '{"outputs": {"digit": [0], "probabilities": [[1], [1, 2]]}}',
            '{"outputs": {"digit": [null]}}',
            "[" * 100_000,
            '"\\ud800',
        ),
        *('{"outputs": {"digit": [99999999999999999999999]}}', '{"predictions": []}'),
    ],
    ids=range(13),
)
def test_predict_answer_that_makes_no_sense_is_the_servers_failure(
    client: Client, play: Play, body: str
) -> None:
    play.raw = Response(body)
    with pytest.raises(
        ServerFailedError,
        match=r"expected an answer of the API from rest://127.*; received .*; check what is "
        r"served there",
    ):
        client.predict(IMAGES)


@pytest.mark.parametrize(
    "body", ['{"model_version_status": 3}', '{"model_version_status": [{"version": "x"}]}', "[]"]
)
def test_status_answer_of_another_form_is_the_servers_failure(
    client: Client, play: Play, body: str
) -> None:
    play.raw = Response(body)
    with pytest.raises(ServerFailedError):
        client.status()


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"model_spec": {"version": "1"}, "metadata": {"signature_def": 3}}',
        '{"model_spec": 1}',
    ],
)
def test_check_contract_answer_of_another_form_is_the_servers_failure(
    client: Client, play: Play, body: str
) -> None:
    play.raw = Response(body)
    with pytest.raises(ServerFailedError):
        client.check_contract()


STATUSES = {
    400: InvalidRequestError,
    404: NotFoundError,
    413: InvalidRequestError,
    418: ServerFailedError,
    302: ServerFailedError,
    500: ServerFailedError,
    502: UnavailableError,
}


@pytest.mark.parametrize("status", STATUSES)
def test_predict_status_without_reason_says_the_number(
    client: Client, play: Play, status: int
) -> None:
    play.raw = Response("<html>no</html>", status, {"location": "http://127.0.0.1:9/"})
    with pytest.raises(STATUSES[status], match=f"HTTP status {status}"):
        client.predict(IMAGES)


async def drip() -> AsyncIterator[bytes]:
    """A body that never pauses for long and never ends."""
    while True:
        await asyncio.sleep(0.02)
        yield b" "


async def flood() -> AsyncIterator[bytes]:
    """More bytes than any answer has."""
    for _ in range(40):
        yield bytes(1 << 19)


def test_predict_body_that_drips_in_ends_at_the_deadline(
    protocol: tuple[Stage, str], play: Play
) -> None:
    play.raw = StreamingResponse(drip())
    with (
        connect(protocol[1], deadline=0.4) as client,
        pytest.raises(DeadlineExceededError, match="came too slowly"),
    ):
        client.predict(IMAGES)


def test_predict_endless_body_is_cut(client: Client, play: Play) -> None:
    play.raw = StreamingResponse(flood())
    with pytest.raises(ServerFailedError, match="received more than 16777216 bytes"):
        client.predict(IMAGES)


def test_predict_long_text_of_the_server_is_shortened(client: Client, play: Play) -> None:
    play.faults = [("INTERNAL", "x" * 5000)]
    with pytest.raises(ServerFailedError) as caught:
        client.predict(IMAGES)
    assert len(str(caught.value)) < 700
