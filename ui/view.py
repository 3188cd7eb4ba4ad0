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

from digits.contract import LABELS, NOT_A_DIGIT_SENTENCE
from serving.client import Drawing
from serving.client.number import NumberDigit
from ui.compare import Comparison, Opinion
from ui.drawing import encode
from ui.reading import NOTHING_DRAWN, Answer, Notice, NumberAnswer, Outcome

_HEAT = np.array((255, 150, 40))
"""Red, green, blue of what mattered."""


def render(outcome: Outcome, asked: int = 0) -> str:
    """The whole answer panel; `asked` is the number of the question, by which the page knows its
    answer."""
    match outcome:
        case Answer():
            return _answer(outcome, asked)
        case NumberAnswer():
            return _number(outcome, asked)
        case Comparison():
            return _comparison(outcome, asked)
        case Notice():
            return _notice(outcome, asked)


def _answer(answer: Answer, asked: int) -> str:
    drawing = answer.drawing
    label, sure = (
        escape(drawing.label),
        escape(_percent(float(drawing.probabilities[drawing.digit]))),
    )
    fits = drawing.looks_like_digit
    seen = _figure(
        _png(drawing.image),
        "Your drawing as the model saw it: 28 by 28 pixels",
        "What the model saw",
    )
    if answer.saliency is not None:
        why = _png(_heated(drawing.image, answer.saliency))
        seen += _figure(
            why,
            "The same, with the pixels that mattered most for the answer in orange",
            "What mattered",
        )
    sentence = f"Looks like <strong>{label}</strong>, {sure} sure."
    if not fits:
        sentence = f"{escape(NOT_A_DIGIT_SENTENCE)} As one it would be {label}, {sure}."
    return _panel(
        kind="digit",
        state="answered" if fits else "unsure",
        asked=asked,
        label=label if fits else "?",
        top=f'<div class="digit" aria-hidden="true">{label if fits else "?"}</div>{seen}',
        sentence=sentence,
        facts=_facts(drawing, answer.milliseconds),
        below=_bars(
            [float(probability) for probability in drawing.probabilities],
            drawing.digit,
            drawing.labels,
        ),
    )


def _facts(drawing: Drawing, milliseconds: float) -> str:
    version = "of unknown version" if drawing.version is None else f"version {drawing.version}"
    return f"Model {version} · answered in {milliseconds:.0f} ms"


def _notice(notice: Notice, asked: int) -> str:
    return _panel(
        kind="notice",
        state="empty" if notice == NOTHING_DRAWN else "trouble",
        asked=asked,
        label="",
        top='<div class="digit" aria-hidden="true">?</div>'
        '<figure class="seen"><span class="unseen"></span><figcaption>What the model '
        "saw</figcaption></figure>",
        sentence=escape(notice.sentence),
        facts="",
        below=_bars([None] * len(LABELS), winner=None, labels=LABELS),
    )


def _number(answer: NumberAnswer, asked: int) -> str:
    number = answer.number
    text = escape(number.text_without_doubt)
    doubt = (
        "" if number.looks_like_number else " What is boxed in orange does not look like a digit."
    )
    boxes = "".join(_boxed(digit, number.height) for digit in number.digits)
    return _panel(
        kind="number",
        state="answered" if number.looks_like_number else "unsure",
        asked=asked,
        label=text,
        top=f'<div class="digit number" style="--length: {len(number.digits)}" '
        f'aria-hidden="true">{text}</div>',
        sentence=f"Looks like <strong>{text}</strong>, "
        f"{escape(_percent(number.probability))} sure of the whole number.{doubt}",
        facts=_facts(number.digits[0].drawing, answer.milliseconds),
        below=f'<figure class="found"><svg viewBox="0 0 {number.width} {number.height}" role="img" '
        'aria-label="Your drawing with a box around each digit"><image '
        f'href="{encode(answer.sheet.picture, answer.sheet.kind)}" '
        f'width="{number.width}" height="{number.height}"/>{boxes}</svg></figure>',
    )


def _boxed(digit: NumberDigit, height: int) -> str:
    """A box a little wider than the digit, and the answer above it."""
    line = max(1, height // 120)
    left, top, right, bottom = (
        digit.box.left - 2 * line,
        digit.box.top - 2 * line,
        digit.box.right + 2 * line,
        digit.box.bottom + 2 * line,
    )
    return (
        f'<g class="{"sure" if digit.drawing.looks_like_digit else "doubtful"}">'
        f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" '
        f'stroke-width="{line}"/>'
        f'<text x="{left}" y="{max(top - line, height // 11)}" '
        f'font-size="{height // 11}">{escape(digit.drawing.label)}</text></g>'
    )


def _comparison(comparison: Comparison, asked: int) -> str:
    rows = "".join(_opinion(opinion) for opinion in comparison.opinions)
    labels = comparison.labels
    agreed = escape(labels[0]) if comparison.agree else "?"
    return _panel(
        kind="compare",
        state="answered" if comparison.agree else "unsure",
        asked=asked,
        label=agreed,
        top=f'<div class="digit" aria-hidden="true">{agreed}</div>',
        sentence=_verdict(comparison),
        facts="",
        below="<table><thead><tr><th>Model</th><th>Version</th><th>Reads</th><th>Sure</th><th>Took</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>",
    )


def _verdict(comparison: Comparison) -> str:
    answered = comparison.answered
    if not answered:
        return "None of the models gave an answer."
    if len(answered) == 1:
        return "Only one version answers here, so there is nothing to compare it with."
    if comparison.agree:
        return f"All {len(answered)} agree on <strong>{escape(comparison.labels[0])}</strong>."
    return f"They disagree: {escape(', '.join(sorted(set(comparison.labels))))}."


def _opinion(opinion: Opinion) -> str:
    version = "" if opinion.version is None else str(opinion.version)
    drawing = opinion.drawing
    if drawing is None:
        told = "not served" if opinion.version is None else "no answer"
        return (
            f"<tr><td>{escape(opinion.model)}</td><td>{version}</td><td "
            f'colspan="3">{told}</td></tr>'
        )
    doubt = "" if drawing.looks_like_digit else " (no digit?)"
    sure = escape(_percent(float(drawing.probabilities[drawing.digit])))
    return (
        f"<tr><td>{escape(opinion.model)}</td><td>{version}</td><td><strong>{escape(drawing.label)}</strong>{doubt}</td>"
        f"<td>{sure}</td><td>{opinion.milliseconds:.0f} ms</td></tr>"
    )


def _panel(
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
    return (
        f'<section class="answer" data-kind="{kind}" data-state="{state}" data-asked="{asked}" '
        f'data-label="{label}" aria-label="Answer">'
        f'<div class="top">{top}</div>'
        f'<div class="words"><p class="sentence" role="status">{sentence}</p><p '
        f'class="facts">{facts}</p></div>'
        f"{below}</section>"
    )


def _figure(source: str, told: str, caption: str) -> str:
    return (
        f'<figure class="seen"><img src="{source}" width="28" height="28" alt="{escape(told)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _heated(image: NDArray[np.uint8], saliency: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The image uint8 [28, 28] in grey, under the saliency float32 [28, 28], 0..1: uint8 [28, 28,
    3]."""
    heat = np.clip(saliency, 0, 1)[..., np.newaxis]
    return np.asarray(np.round(image[..., np.newaxis] * (1 - heat) * 0.6 + _HEAT * heat), np.uint8)


def _bars(probabilities: Sequence[float | None], winner: int | None, labels: Sequence[str]) -> str:
    rows = "".join(
        _bar(escape(label), probability, place == winner)
        for place, (label, probability) in enumerate(zip(labels, probabilities, strict=True))
    )
    return f'<ol class="bars" aria-label="Probability of each digit">{rows}</ol>'


def _bar(name: str, probability: float | None, wins: bool) -> str:
    """One row, with the float32 exactly as it is."""
    share = "" if probability is None else escape(_percent(probability))
    length = probability or 0.0
    exact = np.format_float_positional(np.float32(length), trim="-")
    return (
        f'<li class="{"winner" if wins else "other"}"><span class="name" '
        f'aria-hidden="true">{name}</span>'
        f'<span class="track" role="meter" aria-label="Probability of {name}" aria-valuemin="0" '
        'aria-valuemax="1" '
        f'aria-valuenow="{exact}" aria-valuetext="{share}"><span style="width: '
        f'{length:.2%}"></span></span>'
        f'<span class="share" aria-hidden="true">{share}</span></li>'
    )


def _percent(probability: float) -> str:
    """In words for people; no model is ever 100.0% sure."""
    text = f"{probability:.1%}"
    return ">99.9%" if text == "100.0%" else text


def _png(image: NDArray[np.uint8]) -> str:
    """The image uint8 [28, 28] or [28, 28, 3] as a text that an `img` shows."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return encode(buffer.getvalue())
