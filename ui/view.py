"""The right half of the page, as HTML: pure functions of what there is to say.

The page's templates are run as JavaScript by Gradio, so nothing that a server sent is ever put
into a template: this HTML travels as a value, and every text in it is escaped.
"""

import io
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits.contract import LABELS
from ui.drawing import encode
from ui.reading import NOTHING_DRAWN, Answer, Notice, Outcome


def render(outcome: Outcome) -> str:
    """The whole answer panel."""
    return _answer(outcome) if isinstance(outcome, Answer) else _notice(outcome)


def _answer(answer: Answer) -> str:
    drawing = answer.drawing
    label, sure = escape(drawing.label), float(drawing.probabilities[drawing.digit])
    version = "of unknown version" if drawing.version is None else f"version {drawing.version}"
    return _panel(
        state="answered",
        digit=label,
        seen=f'<img src="{_png(drawing.image)}" width="28" height="28" alt="Your drawing as the model saw it: 28 by 28 pixels">',
        sentence=f"Looks like <strong>{label}</strong>, {escape(_percent(sure))} sure.",
        facts=f"Model {version} · answered in {answer.milliseconds:.0f} ms",
        bars=_bars([float(probability) for probability in drawing.probabilities], drawing.digit),
    )


def _notice(notice: Notice) -> str:
    return _panel(
        state="empty" if notice == NOTHING_DRAWN else "trouble",
        digit="?",
        seen='<span class="unseen"></span>',
        sentence=escape(notice.sentence),
        facts="",
        bars=_bars([None] * len(LABELS), winner=None),
    )


def _panel(*, state: str, digit: str, seen: str, sentence: str, facts: str, bars: str) -> str:
    return (
        f'<section class="answer" data-state="{state}" aria-label="Answer">'
        f'<div class="top"><div class="digit" aria-hidden="true">{digit}</div>'
        f'<figure class="seen">{seen}<figcaption>What the model saw</figcaption></figure></div>'
        f'<div class="words"><p class="sentence" role="status">{sentence}</p><p class="facts">{facts}</p></div>'
        f"{bars}</section>"
    )


def _bars(probabilities: Sequence[float | None], winner: int | None) -> str:
    rows = "".join(_bar(str(place), probability, place == winner) for place, probability in enumerate(probabilities))
    return f'<ol class="bars" aria-label="Probability of each digit">{rows}</ol>'


def _bar(name: str, probability: float | None, wins: bool) -> str:
    """One row. Nine significant digits bring a float32 back exactly."""
    share = "" if probability is None else escape(_percent(probability))
    length = probability or 0.0
    return (
        f'<li class="{"winner" if wins else "other"}"><span class="name" aria-hidden="true">{name}</span>'
        f'<span class="track" role="meter" aria-label="Probability of {name}" aria-valuemin="0" aria-valuemax="1" '
        f'aria-valuenow="{length:.9g}" aria-valuetext="{share}"><span style="width: {length:.2%}"></span></span>'
        f'<span class="share" aria-hidden="true">{share}</span></li>'
    )


def _percent(probability: float) -> str:
    """In words for people; no model is ever 100.0% sure."""
    text = f"{probability:.1%}"
    return ">99.9%" if text == "100.0%" else text


def _png(image: NDArray[np.uint8]) -> str:
    """The image uint8 [28, 28] as a text that an `img` shows."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return encode(buffer.getvalue())
