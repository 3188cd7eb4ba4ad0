"""The answer panel: what it shows, in which order, and that nothing in it is taken for markup."""

import io
import re
from base64 import b64decode

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from digits.contract import Problem
from serving.client import Drawing
from ui.reading import AWAY, NOTHING_DRAWN, Answer
from ui.view import render

SPREAD = (np.array([1, 2, 3, 4, 5, 6, 7, 60, 10, 2]) / 103).astype(np.float32)
SURE = np.where(np.arange(10) == 7, 0.99999, 0.000001).astype(np.float32)


def answer(label: str = "7", version: int | None = 3, milliseconds: float = 12.4, probabilities: NDArray[np.float32] = SPREAD) -> Answer:
    image = (np.arange(784) % 256).astype(np.uint8).reshape(28, 28)
    drawing = Drawing(digit=7, label=label, probabilities=probabilities, version=version, image=image, problem=Problem.NONE)
    return Answer(drawing, milliseconds)


def test_render_answer_shows_digit_sentence_version_and_latency() -> None:
    shown = re.sub("<[^>]+>", " ", render(answer()))
    assert "Looks like  7 , 58.3% sure." in shown
    assert "Model version 3 · answered in 12 ms" in shown


def test_render_answer_has_ten_bars_in_order_with_exact_probabilities() -> None:
    shown = answer()
    bars = re.findall(r'aria-label="Probability of (\d)".*?aria-valuenow="([^"]+)"', render(shown))
    assert [name for name, _ in bars] == list("0123456789")
    assert np.array([value for _, value in bars], np.float32).tobytes() == shown.drawing.probabilities.tobytes()


def test_render_answer_is_never_a_hundred_percent_sure() -> None:
    shown = render(answer(probabilities=SURE))
    assert "</strong>, &gt;99.9% sure." in shown
    assert "100.0%" not in re.sub('style="[^"]+"', "", shown)


def test_render_answer_marks_only_the_winner() -> None:
    assert re.findall(r'<li class="(\w+)"><span class="name" aria-hidden="true">(\d)', render(answer()))[7] == ("winner", "7")
    assert render(answer()).count('class="winner"') == 1


def test_render_answer_shows_every_pixel_the_model_saw() -> None:
    shown = answer()
    [encoded] = re.findall(r'<img src="data:image/png;base64,([^"]+)"', render(shown))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(b64decode(encoded)))), shown.drawing.image)


def test_render_label_from_the_server_is_never_markup() -> None:
    shown = render(answer(label="<script>alert(1)</script>"))
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") == 2


def test_render_version_not_told_says_so() -> None:
    assert "Model of unknown version" in render(answer(version=None))


@pytest.mark.parametrize(("notice", "state"), [(NOTHING_DRAWN, "empty"), (AWAY, "trouble")])
def test_render_notice_shows_its_sentence_and_ten_empty_bars(notice: object, state: str) -> None:
    shown = render(notice)  # type: ignore[arg-type]
    assert f'data-state="{state}"' in shown
    assert notice.sentence in shown  # type: ignore[attr-defined]
    assert shown.count('style="width: 0.00%"') == 10
    assert "%</span>" not in shown
