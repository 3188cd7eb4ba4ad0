"""The pieces of the answer panel, as HTML. The caller escapes every text that a server sent."""

import io
from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits.percent import percent
from serving.client import Drawing
from ui.answers.drawing import encode
from ui.answers.reading import Notice

_SMALL: Final = 0.001
"""Probabilities below this are shown as a dash instead of 0.0%."""


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


def instead(notice: Notice, asked: int) -> str:
    """The sentence in the place of what a button asked for; `asked` is the number of the question
    about the drawing."""
    return f'<p class="extra" data-asked="{asked}" role="status">{escape(notice.sentence)}</p>'


def figure(source: str, told: str, caption: str) -> str:
    """A 28x28 image with its caption, shown larger by a click; `told` is for those who cannot see
    it."""
    return (
        f'<figure class="seen"><button type="button" title="Enlarge"><img src="{source}" '
        f'width="28" height="28" alt="{escape(told)}"></button>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def leaders(probabilities: NDArray[np.float32], labels: Sequence[str]) -> str:
    """The winner and the runner-up, each with its probability."""
    rows = "".join(
        f'<li class="{kind}"><span class="name">{escape(labels[place])}</span>'
        f'<span class="track"><span style="--share: {probabilities[place]:.2%}"></span></span>'
        f'<span class="share">{_share(float(probabilities[place]))}</span></li>'
        for kind, place in zip(
            ("winner", "other"), np.argsort(-probabilities, kind="stable")[:2], strict=True
        )
    )
    return f'<ol class="leaders" aria-label="The most probable digits">{rows}</ol>'


def _share(probability: float) -> str:
    return "–" if probability < _SMALL else escape(percent(probability))


def bars(probabilities: Sequence[float | None], winner: int | None, labels: Sequence[str]) -> str:
    """A column for the probability of each label; None where there is no answer."""
    rows = "".join(
        _bar(escape(label), probability, place == winner)
        for place, (label, probability) in enumerate(zip(labels, probabilities, strict=True))
    )
    return f'<ol class="bars" aria-label="Probability of each digit">{rows}</ol>'


def _bar(name: str, probability: float | None, wins: bool) -> str:
    """One column, with the float32 exactly as it is."""
    share = "" if probability is None else escape(percent(probability))
    length = probability or 0.0
    exact = np.format_float_positional(np.float32(length), trim="-")
    return (
        f'<li class="{"winner" if wins else "other"}">'
        f'<span class="track" role="meter" aria-label="Probability of {name}" aria-valuemin="0" '
        'aria-valuemax="1" '
        f'aria-valuenow="{exact}" aria-valuetext="{share}"><span style="--share: '
        f'{length:.2%}"></span></span>'
        f'<span class="name" aria-hidden="true">{name}</span></li>'
    )


def png(image: NDArray[np.uint8]) -> str:
    """The image uint8 [height, width] or [height, width, 3] as a text that an `img` shows."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return encode(buffer.getvalue())
