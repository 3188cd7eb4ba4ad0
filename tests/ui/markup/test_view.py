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
from serving.client.number.marks import Box
from serving.client.number.read import Number, NumberDigit
from ui.answers.compare import Comparison, Opinion
from ui.answers.drawing import Sheet
from ui.answers.reading import AWAY, NOTHING_DRAWN, Answer, NumberAnswer
from ui.markup.view import render

SPREAD = (np.array([1, 2, 3, 4, 5, 6, 7, 60, 10, 2]) / 103).astype(np.float32)
SURE = np.where(np.arange(10) == 7, 0.99999, 0.000001).astype(np.float32)


IMAGE = (np.arange(784) % 256).astype(np.uint8).reshape(28, 28)


def read_as(
    label: str = "7",
    version: int | None = 3,
    probabilities: NDArray[np.float32] = SPREAD,
    ood_score: float | None = 0.1,
) -> Drawing:
    return Drawing(7, label, probabilities, version, IMAGE, Problem.NONE, ood_score)


def answer(
    label: str = "7",
    version: int | None = 3,
    milliseconds: float = 12.4,
    probabilities: NDArray[np.float32] = SPREAD,
) -> Answer:
    return Answer(read_as(label, version, probabilities), milliseconds)


def words(shown: str) -> str:
    """What a person reads."""
    return " ".join(re.sub("<[^>]+>", " ", shown).split())


def test_render_answer_shows_digit_sentence_version_and_latency() -> None:
    shown = re.sub("<[^>]+>", " ", render(answer()))
    assert "Probably  7  (58.3%), perhaps 8 (9.7%)." in shown
    assert "Model version 3 · answered in 12 ms" in shown


def test_render_answer_has_ten_bars_in_order_with_exact_probabilities() -> None:
    shown = answer()
    bars = re.findall(r'aria-label="Probability of (\d)".*?aria-valuenow="([^"]+)"', render(shown))
    assert [name for name, _ in bars] == list("0123456789")
    assert (
        np.array([value for _, value in bars], np.float32).tobytes()
        == shown.drawing.probabilities.tobytes()
    )


def test_render_answer_is_never_a_hundred_percent_sure() -> None:
    shown = render(answer(probabilities=SURE))
    assert "</strong>, &gt;99.9% sure." in shown
    assert "100.0%" not in re.sub('style="[^"]+"', "", shown)


def test_render_answer_names_the_winner_and_the_runner_up() -> None:
    rows = r'<span class="name">(\w)</span>.*?class="share">([^<]*)<'
    assert re.findall(rows, render(answer())) == [("7", "58.3%"), ("8", "9.7%")]


def test_render_answer_shows_a_small_runner_up_as_a_dash() -> None:
    shown = re.findall(r'class="share">([^<]*)<', render(answer(probabilities=SURE)))
    assert shown == ["&gt;99.9%", "–"]


def test_render_answer_marks_only_the_winner() -> None:
    assert re.findall(
        r'<li class="(\w+)"><span class="track" role="meter" aria-label="Probability of (\d)"',
        render(answer()),
    )[7] == ("winner", "7")
    assert render(answer()).count('<li class="winner"><span class="track" role') == 1


def test_render_answer_shows_every_pixel_the_model_saw() -> None:
    shown = answer()
    [encoded] = re.findall(r'<img src="data:image/png;base64,([^"]+)"', render(shown))
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(b64decode(encoded)))), shown.drawing.image
    )


def test_render_label_from_the_server_is_never_markup() -> None:
    shown = render(answer(label="<script>alert(1)</script>"))
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") == 3


def test_render_label_of_a_sure_digit_stands_without_a_second_one() -> None:
    assert "Looks like 7 , &gt;99.9% sure." in words(render(answer(probabilities=SURE)))


def test_render_drawing_that_is_no_digit_says_so_instead_of_guessing() -> None:
    shown = render(Answer(read_as(ood_score=0.9), 12.4))
    assert 'data-state="unsure"' in shown
    assert 'class="digit" aria-hidden="true">?</div>' in shown
    assert "Of the ten digits it is most like 7 . The network knows only digits." in words(shown)


def test_render_drawing_of_a_version_that_cannot_tell_is_a_digit() -> None:
    assert 'data-state="answered"' in render(Answer(read_as(ood_score=None), 12.4))


def test_render_saliency_lies_over_the_image() -> None:
    saliency = np.zeros((28, 28), np.float32)
    saliency[3, 4] = 1
    shown = render(Answer(read_as(), 12.4, saliency))
    encoded = re.findall(r'<img src="data:image/png;base64,([^"]+)"', shown)[1]
    heated = np.asarray(Image.open(io.BytesIO(b64decode(encoded))))
    assert heated[3, 4].tolist() == [255, 150, 40]
    assert heated[0, 9].tolist() == [5] * 3  # grey, and darker than the image
    assert "What mattered" in shown
    assert "Orange marks the pixels on which this answer depends most." in words(shown)


def test_render_saliency_that_is_weak_is_left_out() -> None:
    shown = render(Answer(read_as(), 12.4, np.full((28, 28), 0.3, np.float32)))
    encoded = re.findall(r'<img src="data:image/png;base64,([^"]+)"', shown)[1]
    heated = np.asarray(Image.open(io.BytesIO(b64decode(encoded))))
    assert (heated[..., 0] == heated[..., 2]).all()


def test_render_answer_carries_the_number_of_its_question() -> None:
    assert 'data-asked="41" data-label="7"' in render(answer(), 41)


def test_render_number_has_a_box_for_each_digit() -> None:
    sheet = Sheet("number", b"JPEG", "jpg", 1)
    read = ((10, "2", 0.1), (60, "<6>", 0.9))
    digits = tuple(
        NumberDigit(Box(left, 10, left + 30, 90), read_as(label, ood_score=score))
        for left, label, score in read
    )
    shown = render(NumberAnswer(Number(digits, 120, 100, Problem.NONE), sheet, 40.2))
    assert re.findall(r'<g class="(\w+)"><rect x="(\d+)"', shown) == [
        ("sure", "8"),
        ("doubtful", "58"),
    ]
    assert "2 58.3% ? 58.3%" in words(shown)  # one by one
    assert (
        "Probably 2? , 33.9% sure of the whole number. What is boxed in orange does not look "
        "like a digit." in words(shown)
    )
    assert "<6>" not in shown


def opinions(*labels: str | None) -> Comparison:
    return Comparison(
        tuple(
            Opinion(
                f"net{place}",
                None if label is None else 2,
                None if label is None else read_as(label),
                8.4,
            )
            for place, label in enumerate(labels)
        )
    )


@pytest.mark.parametrize(
    ("comparison", "state", "verdict"),
    [
        (opinions("7", "7", "7"), "answered", "All 3 agree on 7 ."),
        (opinions("7", "1", None), "unsure", "They disagree: 1, 7."),
        (
            opinions("7", None),
            "answered",
            "Only one version answers here, so there is nothing to compare it with.",
        ),
        (opinions(None), "unsure", "None of the models gave an answer."),
    ],
)
def test_render_comparison_says_whether_they_agree(
    comparison: Comparison, state: str, verdict: str
) -> None:
    shown = render(comparison)
    assert f'data-state="{state}"' in shown
    assert verdict in words(shown)
    assert shown.count("<tr>") == len(comparison.opinions) + 1


def test_render_comparison_has_version_certainty_and_latency_of_each() -> None:
    assert "net0 2 7 58.3% – 8 ms net1 not served" in words(render(opinions("7", None)))


@pytest.mark.parametrize(
    ("accuracies", "sentence"),
    [
        ((0.9912, 0.9958), "Trust net1 version 2 most: it reads 99.58% of the validation images"),
        ((0.9958, 0.9958), "None is more trustworthy: 2 of them read 99.58% of the"),
        ((0.9958, None), "All 2 agree on 7 . Model Version"),
    ],
)
def test_render_comparison_says_which_model_to_trust_and_why(
    accuracies: tuple[float | None, ...], sentence: str
) -> None:
    told = tuple(
        Opinion(f"net{place}", 2, read_as("7"), 8.4, accuracy)
        for place, accuracy in enumerate(accuracies)
    )
    shown = words(render(Comparison(told)))
    assert sentence in shown
    assert ("99.58%" in shown) == (0.9958 in accuracies)


def test_render_version_not_told_says_so() -> None:
    assert "Model of unknown version" in render(answer(version=None))


def test_render_notice_shows_its_sentence_and_ten_empty_bars() -> None:
    shown = render(AWAY)
    assert 'data-state="trouble"' in shown
    assert AWAY.sentence in shown
    assert shown.count('style="--share: 0.00%"') == 10
    assert "%</span>" not in shown


def test_render_nothing_drawn_has_room_for_the_examples_instead_of_an_empty_form() -> None:
    shown = render(NOTHING_DRAWN)
    assert 'data-state="empty"' in shown
    assert NOTHING_DRAWN.sentence in shown
    assert 'class="examples"' in shown
    assert 'class="bars"' not in shown
