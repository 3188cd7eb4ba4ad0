"""Read a number of several digits: part the picture, let the model read every part, keep the cuts
it believes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from digits.contract import Problem
from serving.client.predictions import Drawing
from serving.client.segments import Box, Part, find_digits

_DOUBT: Final = 1e-3
"""Least belief in a part, so that one bad part does not make all cuts equal."""
_SURE: Final = 0.8
"""A group that the model believes in as much is one digit…"""
_WIDE: Final = 1.0
"""… unless it is wider than this, over the number's height."""
_CUT: Final = 0.3
"""What a cut costs: without a gain in belief there is none."""


@dataclass(frozen=True, eq=False)
class NumberDigit:
    """One digit of a number."""

    box: Box
    """Where it is in the picture."""
    drawing: Drawing
    """What the model made of it."""


@dataclass(frozen=True, eq=False)
class Number:
    """What the model makes of a picture with several digits."""

    digits: tuple[NumberDigit, ...]
    """From left to right."""
    width: int
    height: int
    """Of the picture, in pixels; 0 where it is not readable."""
    problem: Problem
    """Why there are no digits; `Problem.NONE` if there are some."""

    @property
    def text(self) -> str:
        """The number as text; kept as text, so that leading zeros stay."""
        return "".join(digit.drawing.label for digit in self.digits)

    @property
    def looks_like_number(self) -> bool:
        """False if some part does not look like a digit, or nothing was found."""
        return bool(self.digits) and all(digit.drawing.looks_like_digit for digit in self.digits)


class Reader(Protocol):
    """Reads drawings, as `serving.client.Client` does."""

    def read(self, drawings: Sequence[bytes]) -> list[Drawing]:
        """One answer each, in the same order."""


def read_number(reader: Reader, picture: bytes) -> Number:
    """Read one line of digits, from left to right.

    Args:
        reader: asks the model.
        picture: a PNG or JPEG.

    Raises:
        TooManyDigitsError: there are more than `MAX_DIGITS` digits.
        ClientError: as `reader` raises it.
    """
    segments = find_digits(picture)
    if not segments.groups:
        return Number((), segments.width, segments.height, segments.problem)
    wholes = [group.whole() for group in segments.groups]
    answers = _ask(reader, wholes)
    cut = {
        place: group.parts()
        for place, group in enumerate(segments.groups)
        if group.width > _WIDE or _belief(answers[wholes[place]]) < math.log(_SURE)
    }
    answers |= _ask(
        reader, [part for parts in cut.values() for part in parts.values() if part not in answers]
    )
    found = [
        _most_believed(cut[place], answers) if place in cut else [whole]
        for place, whole in enumerate(wholes)
    ]
    digits = tuple(NumberDigit(part.box, answers[part]) for parts in found for part in parts)
    return Number(digits, segments.width, segments.height, segments.problem)


def _ask(reader: Reader, parts: list[Part]) -> dict[Part, Drawing]:
    return dict(zip(parts, reader.read([part.png for part in parts]), strict=True)) if parts else {}


def _most_believed(parts: dict[tuple[int, int], Part], answers: dict[Part, Drawing]) -> list[Part]:
    """The parts from the first edge to the last whose product of beliefs is the largest."""
    best: dict[int, tuple[float, list[Part]]] = {0: (0.0, [])}
    for (start, stop), part in sorted(parts.items(), key=lambda item: item[0][1]):
        if start in best:
            belief = best[start][0] + _belief(answers[part]) - _CUT
            if stop not in best or belief > best[stop][0]:
                best[stop] = (belief, [*best[start][1], part])
    return best[max(best)][1]


def _belief(answer: Drawing) -> float:
    """How much the model believes in a part: the logarithm of its probability times its likeness to
    a digit."""
    if answer.problem is not Problem.NONE:
        return math.log(_DOUBT)
    likeness = 1.0 if answer.ood_score is None else 1.0 - answer.ood_score
    return math.log(max(float(answer.probabilities[answer.digit]) * likeness, _DOUBT))
