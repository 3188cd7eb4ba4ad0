"""What the layers see in a drawing, from a server that speaks the real protocol."""

import numpy as np
import pytest

from digits.contract import DRAWINGS, FEATURE_MAPS, FEATURE_MAPS_SHAPE, Problem, signatures
from serving.client import Client
from tests.support.client_doubles import GARBAGE, Play
from ui.answers.drawing import Sheet
from ui.answers.feature_maps import NO_MAPS, FeatureMaps, ask
from ui.answers.on_demand import NO_ANSWER
from ui.answers.reading import Notice

SEVEN = Sheet(picture=bytes(17))
"""The stand-in reads the length of a file modulo 10, and leaves it in one pixel at the top left."""


@pytest.fixture
def play() -> Play:
    return Play(signatures=signatures(complete=True))


def test_ask_gives_the_maps_of_the_drawings_own_image(client: Client, play: Play) -> None:
    found = ask(client, SEVEN)
    assert isinstance(found, FeatureMaps)
    assert found.layers.shape == FEATURE_MAPS_SHAPE
    assert found.layers.dtype == np.uint8
    assert found.layers[..., 0, 0].tolist() == [[7] * 12] * 3
    assert play.calls == [DRAWINGS, FEATURE_MAPS]


def test_ask_a_version_without_the_signature_says_so(
    client: Client, play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    play.signatures = signatures()
    assert ask(client, SEVEN) == NO_MAPS
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_ask_about_no_image_says_what_is_wrong(client: Client, play: Play) -> None:
    assert ask(client, Sheet(picture=GARBAGE)) == Notice(Problem.NOT_AN_IMAGE.sentence, retry=False)
    assert play.calls == [DRAWINGS]


@pytest.mark.parametrize("is_broken", [False, True])
def test_ask_a_server_in_trouble_says_so(client: Client, play: Play, is_broken: bool) -> None:
    if is_broken:
        play.changed = {"maps": np.zeros((1, 3, 12, 14, 14), np.uint8)}
    else:
        play.faults = [("INTERNAL", "Traceback in /srv/secret/model.py")]
    assert ask(client, SEVEN) == NO_ANSWER
