"""The pieces of the answer panel, as HTML. The caller escapes every text that a server sent."""

import io
from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.client import Drawing
from ui.drawing import encode

_SMALL: Final = 0.001
"""Probabilities below this are shown as a dash; as 0.0% ten of them would shout."""


def facts(drawing: Drawing, milliseconds: float) -> str:
    """Which version answered, and how fast."""
    version = "of unknown version" if drawing.version is None else f"version {drawing.version}"
    return f"Model {version} · answered in {milliseconds:.0f} ms"


def panel(
    *,
    kind: str,
    state: str,
    asked: int,
    label: str,
    top: str,
    sentence: str,
    facts: str,
    below: str,
) -> str:
    """The whole panel; `label` is what the history calls the drawing."""
    return (
        f'<section class="answer" data-kind="{kind}" data-state="{state}" data-asked="{asked}" '
        f'data-label="{label}" aria-label="Answer">'
        f'<div class="top">{top}</div>'
        f'<div class="words"><p class="sentence" role="status">{sentence}</p><p '
        f'class="facts">{facts}</p></div>'
        f"{below}</section>"
    )


def figure(source: str, told: str, caption: str) -> str:
    """A 28x28 image with its caption; `told` is for those who cannot see it."""
    return (
        f'<figure class="seen"><img src="{source}" width="28" height="28" alt="{escape(told)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def bars(probabilities: Sequence[float | None], winner: int | None, labels: Sequence[str]) -> str:
    """A probability for each label; None where there is no answer."""
    rows = "".join(
        _bar(escape(label), probability, place == winner)
        for place, (label, probability) in enumerate(zip(labels, probabilities, strict=True))
    )
    return f'<ol class="bars" aria-label="Probability of each digit">{rows}</ol>'


def _bar(name: str, probability: float | None, wins: bool) -> str:
    """One row, with the float32 exactly as it is."""
    share = "" if probability is None else escape(percent(probability))
    length = probability or 0.0
    shown = "–" if share and length < _SMALL else share
    exact = np.format_float_positional(np.float32(length), trim="-")
    return (
        f'<li class="{"winner" if wins else "other"}"><span class="name" '
        f'aria-hidden="true">{name}</span>'
        f'<span class="track" role="meter" aria-label="Probability of {name}" aria-valuemin="0" '
        'aria-valuemax="1" '
        f'aria-valuenow="{exact}" aria-valuetext="{share}"><span style="width: '
        f'{length:.2%}"></span></span>'
        f'<span class="share" aria-hidden="true">{shown}</span></li>'
    )


def percent(probability: float) -> str:
    """In words for people; no model is ever 100.0% sure."""
    text = f"{probability:.1%}"
    return ">99.9%" if text == "100.0%" else text


def png(image: NDArray[np.uint8]) -> str:
    """The image uint8 [28, 28] or [28, 28, 3] as a text that an `img` shows."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return encode(buffer.getvalue())
