"""What would change the answer, as the page shows it."""

import io
import re
from base64 import b64decode

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ui.answers.occlusion import Change, Occlusion
from ui.answers.on_demand import NO_ANSWER
from ui.markup.occlusion_figure import render


def image_with_ink() -> NDArray[np.uint8]:
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 6:21] = 255
    return image


def occlusion(change: Change | None = None, label: str = "7", influence: float = 4.0) -> Occlusion:
    values = np.zeros((28, 28), np.float32)
    values[5, 6:9] = influence, -influence / 2, 0
    return Occlusion(image_with_ink(), label, values, change)


def pixels(shown: str) -> NDArray[np.uint8]:
    [encoded] = re.findall(r'href="data:image/png;base64,([^"]+)"', shown)
    return np.asarray(Image.open(io.BytesIO(b64decode(encoded))))


def test_render_part_that_changes_the_answer_has_a_box_and_a_sentence() -> None:
    shown = render(occlusion(Change((4, 8), "1", 0.8731)), 41)
    assert '<rect x="8" y="4" width="4" height="4"/>' in shown
    assert (
        "Without this part (in the box, top left) it would be read as <strong>1</strong> (87.3%)."
        in shown
    )
    assert 'data-asked="41"' in shown


def test_render_no_part_that_changes_the_answer_says_so_without_a_box() -> None:
    shown = render(occlusion(), 1)
    assert "No single part decides it." in shown
    assert "<rect" not in shown


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((4, 6), "top left"),
        ((12, 12), "centre"),
        ((20, 17), "bottom right"),
        ((12, 6), "middle left"),
    ],
)
def test_render_says_in_words_where_the_part_is(place: tuple[int, int], words: str) -> None:
    assert f"(in the box, {words})" in render(occlusion(Change(place, "1", 0.9)), 1)


def test_render_says_where_the_part_is_within_the_ink() -> None:
    dash = np.zeros((28, 28), np.uint8)
    dash[10:14, 2:26] = 255
    found = Occlusion(dash, "1", np.zeros((28, 28), np.float32), Change((10, 12), "7", 0.9))
    assert "(in the box, centre)" in render(found, 1)


def test_render_ink_is_blue_for_orange_against_and_grey_otherwise() -> None:
    shown = pixels(render(occlusion(), 1))
    assert shown[5, 6].tolist() == [70, 140, 255]
    red, _, blue = shown[5, 7].tolist()
    assert red > blue
    assert len(set(shown[5, 8].tolist())) == 1
    assert shown[0, 0].tolist() == [0, 0, 0]


def test_render_influence_that_is_weak_is_pale() -> None:
    strong, weak = (pixels(render(occlusion(influence=one), 1))[5, 6] for one in (0.7, 0.07))
    assert np.ptp(strong) == 185
    assert 0 < np.ptp(weak) < 30


def test_render_labels_from_the_server_are_never_markup() -> None:
    shown = render(occlusion(Change((4, 8), "<b>", 0.9), label='"><script>'), 1)
    assert "<b>" not in shown
    assert "<script" not in shown


def test_render_trouble_is_a_sentence() -> None:
    assert NO_ANSWER.sentence in render(NO_ANSWER, 3)
