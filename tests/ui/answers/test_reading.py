"""From a drawing to what the page says, against a server that speaks the real protocol."""

import io
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import grpc
import numpy as np
import pytest
from PIL import Image

from digits.contract import DRAWINGS, EXPLAIN, MODEL_NAME, PREDICT, Problem, signatures
from serving.client import Client, connect
from tests.support.client_doubles import GARBAGE, VERSION, Play, Stage, grpc_double
from ui.answers import reading
from ui.answers.compare import Comparer, Comparison
from ui.answers.drawing import Sheet
from ui.answers.reading import Answer, Notice, NumberAnswer, Outcome, take
from ui.answers.reading import read as read_sheet

SEVEN = Sheet(picture=bytes(17))
"""The stand-in reads the length of a file modulo 10."""


def read(client: Client, sheet: Sheet, clock: Callable[[], float] = time.perf_counter) -> Outcome:
    with closing(Comparer("grpc://127.0.0.1:9", [MODEL_NAME], 1.0)) as comparer:
        return read_sheet(client, comparer, sheet, clock)


def bars(*places: int) -> bytes:
    """A picture with upright bars."""
    image = np.full((40, 80), 255, np.uint8)
    for left in places:
        image[10:30, left : left + 4] = 0
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def play() -> Play:
    return Play()


def stage_of(play: Play) -> Stage:
    stage = Stage()
    stage.play = play
    return stage


@pytest.fixture
def client(play: Play) -> Iterator[Client]:
    with grpc_double(stage_of(play)) as address, connect(address, deadline=1.0) as client:
        yield client


def test_read_drawing_is_answered_with_version_and_latency(client: Client, play: Play) -> None:
    ticks = iter([10.0, 10.025])
    outcome = read(client, SEVEN, clock=lambda: next(ticks))
    assert isinstance(outcome, Answer)
    assert (outcome.drawing.label, outcome.drawing.version) == ("7", VERSION)
    assert outcome.milliseconds == pytest.approx(25)
    assert play.calls == [DRAWINGS, EXPLAIN]


def test_read_drawing_is_explained(client: Client) -> None:
    outcome = read(client, SEVEN)
    assert isinstance(outcome, Answer)
    assert outcome.saliency is not None
    np.testing.assert_allclose(outcome.saliency, outcome.drawing.image / np.float32(255), rtol=1e-6)


def test_read_drawing_that_cannot_be_explained_is_answered_all_the_same(
    client: Client, play: Play
) -> None:
    play.dropped = {"saliency"}
    outcome = read(client, SEVEN)
    assert isinstance(outcome, Answer)
    assert (outcome.drawing.label, outcome.saliency) == ("7", None)


def test_read_number_has_its_digits(client: Client, play: Play) -> None:
    sheet = Sheet("number", bars(5, 30, 60))
    outcome = read(client, sheet)
    assert isinstance(outcome, NumberAnswer)
    assert (len(outcome.number.digits), outcome.sheet, play.calls) == (3, sheet, [DRAWINGS])


@pytest.mark.parametrize(
    ("picture", "notice"),
    [
        (bars(), reading.NOTHING_DRAWN),
        (GARBAGE, Notice(Problem.NOT_AN_IMAGE.sentence, retry=False)),
    ],
)
def test_read_number_without_digits_says_why(
    client: Client, picture: bytes, notice: Notice
) -> None:
    assert read(client, Sheet("number", picture)) == notice


def test_read_number_with_too_many_marks_says_so(client: Client) -> None:
    image = np.full((20, 600), 255, np.uint8)
    image[5:15, ::12] = 0
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    outcome = read(client, Sheet("number", file.getvalue()))
    assert outcome == Notice(
        "Expected at most 32 digits in a picture; received 50 marks; cut out the number.",
        retry=False,
    )


def test_read_compare_asks_every_version(play: Play) -> None:
    play.versions = [(3, "AVAILABLE", ""), (2, "LOADING", ""), (1, "AVAILABLE", "")]
    with (
        grpc_double(stage_of(play)) as address,
        connect(address) as client,
        closing(Comparer(address, [MODEL_NAME], 5.0)) as comparer,
    ):
        outcome = read_sheet(client, comparer, Sheet("compare", bytes(17)))
    assert isinstance(outcome, Comparison)
    assert [
        (opinion.version, opinion.drawing and opinion.drawing.version)
        for opinion in outcome.opinions
    ] == [(3, 3), (1, 1)]


def test_read_compare_with_no_image_says_so(play: Play) -> None:
    with (
        grpc_double(stage_of(play)) as address,
        connect(address) as client,
        closing(Comparer(address, [MODEL_NAME], 5.0)) as comparer,
    ):
        assert read_sheet(client, comparer, Sheet("compare", GARBAGE)) == Notice(
            Problem.NOT_AN_IMAGE.sentence, retry=False
        )


def test_read_compare_while_the_server_is_away_says_so(client: Client) -> None:
    assert read(client, Sheet("compare", bytes(17))) == reading.AWAY


def test_read_drawing_has_the_probabilities_of_the_client(client: Client) -> None:
    outcome = read(client, SEVEN)
    assert isinstance(outcome, Answer)
    np.testing.assert_array_equal(
        outcome.drawing.probabilities, client.read([bytes(17)])[0].probabilities
    )


def test_read_nothing_drawn_asks_for_no_prediction(client: Client, play: Play) -> None:
    assert read(client, Sheet()) == reading.NOTHING_DRAWN
    assert play.calls == ["metadata"]


def test_read_blank_sheet_is_nothing_drawn(client: Client, play: Play) -> None:
    play.changed["problem"] = np.array([Problem.BLANK], np.int32)
    assert read(client, SEVEN) == reading.NOTHING_DRAWN


def test_read_no_image_says_so_and_does_not_retry(client: Client) -> None:
    assert read(client, Sheet(picture=GARBAGE)) == Notice(
        Problem.NOT_AN_IMAGE.sentence, retry=False
    )


def test_take_not_a_drawing_is_a_sentence() -> None:
    taken = take({"path": "/etc/passwd"})
    assert isinstance(taken, Notice)
    assert taken.sentence.startswith("Expected a drawing of this page")


@pytest.mark.parametrize("drawing", [Sheet(), SEVEN], ids=["nothing", "seven"])
@pytest.mark.parametrize(
    ("code", "notice"),
    [
        ("DEADLINE_EXCEEDED", reading.SLOW),
        ("NOT_FOUND", reading.NOT_LOADED),
        ("INTERNAL", reading.SERVER_FAILED),
        ("RESOURCE_EXHAUSTED", reading.SERVER_FAILED),
    ],
)
def test_read_server_trouble_is_one_plain_sentence(
    client: Client, play: Play, drawing: Sheet, code: str, notice: Notice
) -> None:
    play.faults = [(code, "Traceback in /srv/secret/model.py")]
    assert read(client, drawing) == notice
    assert notice.retry


@pytest.mark.parametrize("drawing", [Sheet(), SEVEN], ids=["nothing", "seven"])
def test_read_server_away_says_so(drawing: Sheet) -> None:
    with connect("grpc://127.0.0.1:9", deadline=1.0) as client:
        assert read(client, drawing) == reading.AWAY


def test_read_server_slower_than_the_deadline_says_so(play: Play) -> None:
    play.delay = 0.3
    with grpc_double(stage_of(play)) as address, connect(address, deadline=0.1) as client:
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


def test_read_fault_nobody_thought_of_is_a_sentence_and_a_log_entry(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def broken_clock() -> float:
        raise ZeroDivisionError("secret")

    with caplog.at_level(logging.ERROR):
        assert read(client, SEVEN, clock=broken_clock) == reading.PAGE_FAILED
    assert "secret" in caplog.text


def test_notices_are_all_different() -> None:
    sentences = [value.sentence for value in vars(reading).values() if isinstance(value, Notice)]
    assert len(set(sentences)) == len(sentences) == 10
    assert grpc.StatusCode.UNAVAILABLE.name not in "".join(sentences)
