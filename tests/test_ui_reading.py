"""From a drawing to what the page says, against a server that speaks the real protocol."""

import logging
from collections.abc import Iterator

import grpc
import numpy as np
import pytest

from digits.contract import DRAWINGS, PREDICT, Problem, signatures
from serving.client import Client, connect
from tests.client_doubles import GARBAGE, VERSION, Play, Stage, grpc_door
from ui import reading
from ui.drawing import encode
from ui.reading import Answer, Notice, read

SEVEN = encode(bytes(17))
"""The stand-in reads the length of a file modulo 10."""


@pytest.fixture
def play() -> Play:
    return Play()


def stage_of(play: Play) -> Stage:
    stage = Stage()
    stage.play = play
    return stage


@pytest.fixture
def client(play: Play) -> Iterator[Client]:
    with grpc_door(stage_of(play)) as address, connect(address, deadline=1.0) as client:
        yield client


def test_read_drawing_is_answered_with_version_and_latency(client: Client, play: Play) -> None:
    ticks = iter([10.0, 10.025])
    outcome = read(client, SEVEN, clock=lambda: next(ticks))
    assert isinstance(outcome, Answer)
    assert (outcome.drawing.label, outcome.drawing.version) == ("7", VERSION)
    assert outcome.milliseconds == pytest.approx(25)
    assert play.calls == [DRAWINGS]


def test_read_drawing_has_the_probabilities_of_the_client(client: Client) -> None:
    outcome = read(client, SEVEN)
    assert isinstance(outcome, Answer)
    np.testing.assert_array_equal(outcome.drawing.probabilities, client.read([bytes(17)])[0].probabilities)


def test_read_nothing_drawn_asks_for_no_prediction(client: Client, play: Play) -> None:
    assert read(client, "") == reading.NOTHING_DRAWN
    assert play.calls == ["metadata"]


def test_read_blank_sheet_is_nothing_drawn(client: Client, play: Play) -> None:
    play.changed["problem"] = np.array([Problem.BLANK], np.int32)
    assert read(client, SEVEN) == reading.NOTHING_DRAWN


def test_read_no_image_says_so_and_does_not_retry(client: Client) -> None:
    assert read(client, encode(GARBAGE)) == Notice(Problem.NOT_AN_IMAGE.sentence, retry=False)


def test_read_not_a_drawing_reaches_no_server(client: Client, play: Play) -> None:
    outcome = read(client, {"path": "/etc/passwd"})
    assert isinstance(outcome, Notice)
    assert outcome.sentence.startswith("Expected a drawing of this page")
    assert play.calls == []


@pytest.mark.parametrize("drawing", ["", SEVEN])
@pytest.mark.parametrize(
    ("code", "notice"),
    [
        ("DEADLINE_EXCEEDED", reading.SLOW),
        ("NOT_FOUND", reading.NOT_LOADED),
        ("INTERNAL", reading.SERVER_FAILED),
        ("RESOURCE_EXHAUSTED", reading.SERVER_FAILED),
    ],
)
def test_read_server_trouble_is_one_plain_sentence(client: Client, play: Play, drawing: str, code: str, notice: Notice) -> None:
    play.faults = [(code, "Traceback in /srv/secret/model.py")]
    assert read(client, drawing) == notice
    assert notice.retry


@pytest.mark.parametrize("drawing", ["", SEVEN])
def test_read_server_away_says_so(drawing: str) -> None:
    with connect("grpc://127.0.0.1:9", deadline=1.0) as client:
        assert read(client, drawing) == reading.AWAY


def test_read_server_slower_than_the_deadline_says_so(play: Play) -> None:
    play.delay = 0.3
    with grpc_door(stage_of(play)) as address, connect(address, deadline=0.1) as client:
        assert read(client, SEVEN) == reading.SLOW


def test_read_model_without_the_signature_does_not_fit(client: Client, play: Play) -> None:
    play.signatures = {PREDICT: signatures()[PREDICT]}
    play.faults = [("FAILED_PRECONDITION", 'Serving signature key "drawings" not found.')]
    assert read(client, SEVEN) == reading.WRONG_CONTRACT


def test_read_answer_without_an_output_does_not_fit(client: Client, play: Play) -> None:
    play.dropped = {"images"}
    assert read(client, SEVEN) == reading.WRONG_CONTRACT


def test_read_refusal_of_one_drawing_is_not_repeated(client: Client, play: Play) -> None:
    play.faults = [("INVALID_ARGUMENT", "bad bytes")]
    assert read(client, SEVEN) == reading.REFUSED
    assert not reading.REFUSED.retry


def test_read_fault_nobody_thought_of_is_a_sentence_and_a_log_entry(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    def broken_clock() -> float:
        raise ZeroDivisionError("secret")

    with caplog.at_level(logging.ERROR):
        assert read(client, SEVEN, clock=broken_clock) == reading.PAGE_FAILED
    assert "secret" in caplog.text


def test_notices_are_all_different() -> None:
    sentences = [value.sentence for value in vars(reading).values() if isinstance(value, Notice)]
    assert len(set(sentences)) == len(sentences) == 8
    assert grpc.StatusCode.UNAVAILABLE.name not in "".join(sentences)
