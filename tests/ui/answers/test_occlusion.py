"""Which part of an image would change the answer, against a server that speaks the real
protocol."""

import numpy as np
import pytest

from digits.contract import DRAWINGS, PREDICT, Problem
from serving.client import Client
from tests.support.client_doubles import GARBAGE, Play
from ui.answers.drawing import Sheet
from ui.answers.occlusion import (
    PART,
    Change,
    Occlusion,
    Place,
    ask,
    mask,
    occlude,
    parts,
)
from ui.answers.on_demand import NO_ANSWER
from ui.answers.reading import Notice

SEVEN = Sheet(picture=bytes(17))
"""The stand-in reads the length of a file modulo 10, and leaves it in one pixel at the top left; an
image it reads as the sum of its pixels modulo 10, with probability 0.91."""
FALL = np.log(0.91 / 0.09) - np.log(0.01 / 0.99)
"""Of the log-odds where the stand-in reads something else."""


def said_of(change: Change | None) -> tuple[Place, str, float]:
    assert change is not None
    return change.place, change.label, round(change.probability, 6)


def test_ask_takes_one_batch_for_all_parts(client: Client, play: Play) -> None:
    play.changed["images"] = np.full((1, 28, 28), 100, np.uint8)
    found = ask(client, SEVEN)
    assert isinstance(found, Occlusion)
    assert play.calls == [DRAWINGS, PREDICT]
    assert play.batches == [1, 1 + 13 * 13]


def test_ask_names_the_part_without_which_the_answer_is_another(client: Client) -> None:
    found = ask(client, SEVEN)
    assert isinstance(found, Occlusion)
    assert found.label == "7"
    assert said_of(found.change) == ((0, 0), "0", 0.91)
    expected = np.zeros((28, 28), np.float32)
    expected[:PART, :PART] = FALL
    np.testing.assert_allclose(found.influence, expected, rtol=1e-5)


def test_occlude_takes_the_mean_of_the_parts_over_a_pixel(client: Client) -> None:
    image = np.zeros((28, 28), np.uint8)
    image[15, 15] = 3  # below four parts; without it the stand-in reads a 0
    assert occlude(client, image).influence[15, 15] == pytest.approx(FALL, rel=1e-5)


def test_occlude_where_no_part_changes_the_answer_says_so(client: Client) -> None:
    image = np.zeros((28, 28), np.uint8)
    image[5, 6] = 200  # read as a 0, like the empty image
    found = occlude(client, image)
    assert found.change is None
    assert not found.influence.any()


def test_occlude_names_the_clearest_of_several_changes(client: Client, play: Play) -> None:
    image = np.zeros((28, 28), np.uint8)
    image[1, 1] = 1
    image[15, 15] = 2
    shares = np.full((1 + 5, 10), 0.01, np.float32)
    shares[0, 3] = shares[1, 3] = 0.91
    for place, (digit, share) in enumerate([(1, 0.6), (2, 0.8), (3, 0.91), (1, 0.7)], start=2):
        shares[place, digit] = share
    play.changed = {"probabilities": shares, "digit": shares.argmax(axis=1)}
    assert said_of(occlude(client, image).change) == (parts(image)[2], "2", 0.8)


def test_occlude_tells_what_speaks_against_the_answer(client: Client, play: Play) -> None:
    image = np.zeros((28, 28), np.uint8)
    image[0, 0] = 9
    shares = np.full((2, 10), 0.01, np.float32)
    shares[:, 4] = 0.6, 0.91
    play.changed = {"probabilities": shares, "digit": np.array([4, 4])}
    assert occlude(client, image).influence[0, 0] < 0


def test_parts_leave_out_what_has_no_ink_and_cover_all_that_has() -> None:
    image = np.zeros((28, 28), np.uint8)
    assert parts(image) == []
    image[13, 20] = 1
    assert parts(image) == [(10, 18), (10, 20), (12, 18), (12, 20)]
    full = np.full((28, 28), 255, np.uint8)
    masks = [mask(full, place) == 0 for place in parts(full)]
    assert np.any(masks, axis=0).all()
    assert {int(one.sum()) for one in masks} == {PART * PART}


def test_ask_about_no_image_says_what_is_wrong(client: Client, play: Play) -> None:
    assert ask(client, Sheet(picture=GARBAGE)) == Notice(Problem.NOT_AN_IMAGE.sentence, retry=False)
    assert play.calls == [DRAWINGS]


def test_ask_a_server_in_trouble_says_so(
    client: Client, play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    play.faults = [("INTERNAL", "Traceback in /srv/secret/model.py")]
    assert ask(client, SEVEN) == NO_ANSWER
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_ask_with_an_unexpected_fault_says_so(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.close()
    assert ask(client, SEVEN) == NO_ANSWER
    assert [record.levelname for record in caplog.records] == ["ERROR"]
