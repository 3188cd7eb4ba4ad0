"""What the layers see, as the page shows it."""

import io
import re
from base64 import b64decode

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from digits.contract import FEATURE_MAPS_SHAPE
from ui.answers.feature_maps import NO_MAPS, FeatureMaps
from ui.markup.feature_maps_figure import render

LAYERS, MAPS, *_ = FEATURE_MAPS_SHAPE


def layers() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, FEATURE_MAPS_SHAPE, np.uint8)


@pytest.fixture(scope="module")
def shown() -> str:
    return render(FeatureMaps(layers()), 41)


def test_render_each_layer_is_one_image_of_its_maps_side_by_side(shown: str) -> None:
    encoded = re.findall(r"--maps: url\(data:image/png;base64,([^)]+)\)", shown)
    images = [np.asarray(Image.open(io.BytesIO(b64decode(one)))) for one in encoded]
    assert [image.shape for image in images] == [(28, MAPS * 28)] * LAYERS
    for image, maps in zip(images, layers(), strict=True):
        np.testing.assert_array_equal(np.hsplit(image, MAPS), maps)


def test_render_each_map_is_a_button_with_its_place_and_name(shown: str) -> None:
    buttons = re.findall(r'<button [^>]*--place: (\d+)"[^>]*aria-label="([^"]+)"', shown)
    assert buttons == [
        (str(place), f"{name} layer, map {place + 1} of {MAPS}")
        for name in ("Early", "Middle", "Deep")
        for place in range(MAPS)
    ]


def test_render_the_tab_key_reaches_the_first_map_of_each_layer_only(shown: str) -> None:
    expected = [*"0" * 1, *["-1"] * (MAPS - 1)] * LAYERS
    assert re.findall(r'tabindex="(-?\d)"', shown) == expected


def test_render_says_what_a_map_is_and_which_question_it_answers(shown: str) -> None:
    assert "these are the 12 that respond most, the strongest first." in shown
    assert 'data-asked="41"' in shown


def test_render_trouble_is_a_sentence() -> None:
    assert NO_MAPS.sentence in render(NO_MAPS, 3)
