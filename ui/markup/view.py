"""The right half of the page, as HTML: pure functions of what there is to say.

The page's templates are run as JavaScript by Gradio, so nothing that a server sent is ever put
into a template: this HTML travels as a value, and every text in it is escaped.
"""

from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray

from digits.contract import LABELS, NOT_A_DIGIT_SENTENCE
from digits.percent import percent
from serving.client import Drawing
from serving.client.number.read import NumberDigit
from ui.answers.compare import Comparison, Opinion
from ui.answers.reading import NOTHING_DRAWN, Answer, Notice, NumberAnswer, Outcome
from ui.markup.panel import bars, facts, figure, leaders, panel, png

_SURE: Final = 0.9
"""Below this probability the answer is "probably", and the next digit is named too."""
_HEAT = np.array((255, 150, 40))
"""Red, green, blue of what mattered."""
_FAINT: Final = 0.35
"""Saliency up to this is left out: it is spread over the whole image."""
_WHY: Final = "Orange marks the pixels on which this answer depends most."
_EMPTY_FORM: Final = (
    '<div class="digit" aria-hidden="true">?</div><figure class="seen"><span class="unseen"></span>'
    "<figcaption>Model input</figcaption></figure>"
)
_EXAMPLES: Final = '<div class="examples" role="group" aria-label="Examples to try"></div>'
"""The page puts its examples in; see pad/examples.js."""


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
    label = escape(drawing.label)
    fits = drawing.looks_like_digit
    seen = figure(
        png(drawing.image), "Your drawing as the model saw it: 28 by 28 pixels", "Model input"
    )
    if answer.saliency is not None:
        why = png(_heated(drawing.image, answer.saliency))
        seen += figure(
            why,
            "The same, with the pixels that mattered most for the answer in orange",
            "What mattered",
        )
    return panel(
        kind="digit",
        state="answered" if fits else "unsure",
        asked=asked,
        label=label if fits else "?",
        top=f'<div class="digit" aria-hidden="true">{label if fits else "?"}</div>{seen}',
        sentence=_sentence(drawing),
        facts=facts(drawing, answer.milliseconds),
        below=f'<p class="why">{_WHY if answer.saliency is not None else ""}</p>'
        + leaders(drawing.probabilities, drawing.labels)
        + bars(
            [float(probability) for probability in drawing.probabilities],
            drawing.digit,
            drawing.labels,
        ),
    )


def _sentence(drawing: Drawing) -> str:
    label, best = escape(drawing.label), float(drawing.probabilities[drawing.digit])
    if not drawing.looks_like_digit:
        return (
            f"{escape(NOT_A_DIGIT_SENTENCE)} Of the ten digits it is most like "
            f"<strong>{label}</strong>. The network knows only digits."
        )
    if best >= _SURE:
        return f"Looks like <strong>{label}</strong>, {escape(percent(best))} sure."
    second = int(np.argsort(drawing.probabilities)[-2])
    share = escape(percent(float(drawing.probabilities[second])))
    other = escape(drawing.labels[second])
    return (
        f"Probably <strong>{label}</strong> ({escape(percent(best))}), perhaps {other} ({share})."
    )


def _notice(notice: Notice, asked: int) -> str:
    is_empty = notice == NOTHING_DRAWN
    return panel(
        kind="notice",
        state="empty" if is_empty else "trouble",
        asked=asked,
        label="",
        top="" if is_empty else _EMPTY_FORM,
        sentence=escape(notice.sentence),
        facts="Or watch one being drawn:" if is_empty else "",
        below=_EXAMPLES if is_empty else bars([None] * len(LABELS), winner=None, labels=LABELS),
    )


def _number(answer: NumberAnswer, asked: int) -> str:
    number = answer.number
    text = escape(number.text_without_doubt)
    likely = "Looks like" if number.probability >= _SURE else "Probably"
    doubt = (
        "" if number.looks_like_number else " What is boxed in orange does not look like a digit."
    )
    boxes = "".join(_boxed(digit, number.height) for digit in number.digits)
    each = "".join(map(_chip, number.digits))
    return panel(
        kind="number",
        state="answered" if number.looks_like_number else "unsure",
        asked=asked,
        label=text,
        top=f'<div class="digit number" style="--length: {len(number.digits)}" '
        f'aria-hidden="true">{text}</div>',
        sentence=f"{likely} <strong>{text}</strong>, {escape(percent(number.probability))} sure of "
        f"the whole number.{doubt}",
        facts=facts(number.digits[0].drawing, answer.milliseconds),
        below=f'<ol class="each" aria-label="Each digit">{each}</ol>'
        f'<svg class="boxes" viewBox="0 0 {number.width} {number.height}" '  # laid over the pad
        f'preserveAspectRatio="none" aria-hidden="true" hidden>{boxes}</svg>',
    )


def _chip(digit: NumberDigit) -> str:
    """The digit and how probable it is."""
    label = escape(_label(digit))
    return f'<li><strong>{label}</strong> <span class="share">{_sure(digit)}</span></li>'


def _sure(digit: NumberDigit) -> str:
    return escape(percent(float(digit.drawing.probabilities[digit.drawing.digit])))


def _boxed(digit: NumberDigit, height: int) -> str:
    """A box a little wider than the digit; the answer and its probability above it."""
    line = max(1, height // 120)
    left = digit.box.left - 2 * line
    top = digit.box.top - 2 * line
    right = digit.box.right + 2 * line
    bottom = digit.box.bottom + 2 * line
    return (
        f'<g class="{"sure" if digit.drawing.looks_like_digit else "doubtful"}">'
        f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" '
        f'stroke-width="{line}"/>'
        f'<text x="{left}" y="{max(top - line, height // 11)}" '
        f'font-size="{height // 11}">{escape(_label(digit))}'
        f'<tspan dx="{line * 2}" font-size="{height // 14}">{_sure(digit)}</tspan></text></g>'
    )


def _label(digit: NumberDigit) -> str:
    """What does not look like a digit is not said to be one."""
    return digit.drawing.label if digit.drawing.looks_like_digit else "?"


def _comparison(comparison: Comparison, asked: int) -> str:
    rows = "".join(_opinion(opinion) for opinion in comparison.opinions)
    titles = ("Model", "Version", "Reads", "Sure", "Validation", "Took")
    head = "".join(f"<th>{title}</th>" for title in titles)
    labels = comparison.labels
    agreed = escape(labels[0]) if comparison.agree else "?"
    return panel(
        kind="compare",
        state="answered" if comparison.agree else "unsure",
        asked=asked,
        label=agreed,
        top=f'<div class="digit" aria-hidden="true">{agreed}</div>',
        sentence=_verdict(comparison),
        facts=_trust(comparison),
        below=f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>",
    )


def _trust(comparison: Comparison) -> str:
    """Which model to believe, and why."""
    best = comparison.most_accurate
    if not best:
        return ""
    right = f"{best[0].accuracy:.2%} of the validation images"
    if len(best) > 1:
        return f"None is more trustworthy: {len(best)} of them read {right} correctly."
    name = f"<strong>{escape(best[0].model)} version {best[0].version}</strong>"
    return f"Trust {name} most: it reads {right} correctly, more than the others."


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
            f'colspan="4">{told}</td></tr>'
        )
    doubt = "" if drawing.looks_like_digit else " (no digit?)"
    sure = escape(percent(float(drawing.probabilities[drawing.digit])))
    validated = "–" if opinion.accuracy is None else f"{opinion.accuracy:.2%}"
    return (
        f"<tr><td>{escape(opinion.model)}</td><td>{version}</td><td><strong>{escape(drawing.label)}</strong>{doubt}</td>"
        f"<td>{sure}</td><td>{validated}</td><td>{opinion.milliseconds:.0f} ms</td></tr>"
    )


def _heated(image: NDArray[np.uint8], saliency: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The image uint8 [28, 28] in grey, under the saliency float32 [28, 28], 0..1: uint8 [28, 28,
    3]."""
    heat = np.clip((saliency - _FAINT) / (1 - _FAINT), 0, 1)[..., np.newaxis]
    return np.asarray(np.round(image[..., np.newaxis] * (1 - heat) * 0.6 + _HEAT * heat), np.uint8)
