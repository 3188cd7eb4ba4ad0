"""Read a number of several digits: part the picture, let the model read every part, keep the parts
that it is most confident of."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from digits.contract import Problem
from serving.client.number.marks import Box
from serving.client.number.segments import Group, Part, Segments, find_digits
from serving.client.number.signs import Sign
from serving.client.predictions import Drawing

_LEAST: Final = 1e-3
"""Least confidence in a part, so that one bad part does not make all cuts equal."""
_SURE: Final = 0.8
"""A group with this confidence is one digit…"""
_WIDE: Final = 1.0
"""… unless it is wider than this, over the number's height."""
_CUT: Final = 0.1
"""Logarithm of the confidence that a cut costs: without a gain there is none."""
_JOINED: Final = 0.9
"""Least confidence in two neighbours as one digit."""


@dataclass(frozen=True, eq=False)
class NumberDigit:
    """One digit of a number."""

    box: Box
    """Where it is in the upright picture."""
    drawing: Drawing
    """What the model made of it."""


@dataclass(frozen=True)
class NumberSign:
    """A mark too small for a digit: it is named by its place, the model is not asked."""

    box: Box
    sign: Sign


@dataclass(frozen=True, eq=False)
class Number:
    """What the model makes of a picture with several digits."""

    digits: tuple[NumberDigit, ...]
    """From left to right; none where there are several lines."""
    width: int
    height: int
    """Of the upright picture, in pixels; 0 where it is not readable."""
    problem: Problem
    """Why there are no digits; `Problem.NONE` if there are some, or several lines."""
    signs: tuple[NumberSign, ...] = ()
    """Points, commas and other small marks, from left to right."""
    lines: int = 1
    """Lines of digits; only one can be read."""

    @property
    def text(self) -> str:
        """The number as text, with its signs; kept as text, so that leading zeros stay."""
        return self._written([digit.drawing.label for digit in self.digits])

    @property
    def text_without_doubt(self) -> str:
        """The same with `?` for every part that does not look like a digit."""
        looks = [one.drawing.label if one.drawing.looks_like_digit else "?" for one in self.digits]
        return self._written(looks)

    def _written(self, labels: Sequence[str]) -> str:
        if not self.digits:
            return ""
        written = [(digit.box.left, text) for digit, text in zip(self.digits, labels, strict=True)]
        written += [(sign.box.left, sign.sign.value) for sign in self.signs]
        return "".join(text for _, text in sorted(written, key=lambda one: one[0]))

    @property
    def probability(self) -> float:
        """That every digit is as read, 0..1: the product of the digits' probabilities; 0 without
        any."""
        if not self.digits:
            return 0.0
        return math.prod(float(one.drawing.probabilities.max()) for one in self.digits)

    @property
    def looks_like_number(self) -> bool:
        """False if some part does not look like a digit, nothing was found, or there are several
        lines."""
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
    size = (segments.width, segments.height, segments.problem)
    if segments.lines > 1 or not segments.groups:
        return Number((), *size, lines=segments.lines)
    answers = _ask(reader, [group.whole() for group in segments.groups], segments.joined)
    parts = _most_confident(segments, answers, _cut(reader, segments.groups, answers))
    digits = tuple(NumberDigit(part.box, answers[part]) for part in parts)
    signs = tuple(NumberSign(box, sign) for sign, box in segments.signs)
    return Number(digits, *size, signs)


Answers = dict[Part, Drawing]


def _ask(reader: Reader, wholes: Sequence[Part], joined: Sequence[Part | None]) -> Answers:
    parts = [*wholes, *(part for part in joined if part)]
    return dict(zip(parts, reader.read([part.png for part in parts]), strict=True))


def _cut(
    reader: Reader, groups: Sequence[Group], answers: Answers
) -> dict[int, tuple[float, list[Part]]]:
    """The best cuts of every group, by its place, with the logarithm of the confidence; asks once
    more where a group may be several digits, and adds what was answered."""
    doubted: dict[int, Mapping[tuple[int, int], Part]] = {}
    best: dict[int, tuple[float, list[Part]]] = {}
    for place, group in enumerate(groups):
        whole = group.whole()
        if group.solid:
            answers[whole] = replace(answers[whole], ood_score=1.0)
        best[place] = (_confidence(answers[whole]), [whole])
        if not group.solid and (group.width > _WIDE or best[place][0] < math.log(_SURE)):
            doubted[place] = group.parts()
    new = [part for parts in doubted.values() for part in parts.values() if part not in answers]
    if new:
        answers.update(_ask(reader, new, ()))
    return best | {place: _best_cuts(parts, answers) for place, parts in doubted.items()}


def _best_cuts(parts: Mapping[tuple[int, int], Part], answers: Answers) -> tuple[float, list[Part]]:
    """The parts from the first edge to the last whose product of confidences is the largest."""
    best: dict[int, tuple[float, list[Part]]] = {0: (0.0, [])}
    for (start, stop), part in sorted(parts.items(), key=lambda item: item[0][1]):
        if start in best:
            confidence = best[start][0] + _confidence(answers[part]) - _CUT
            if stop not in best or confidence > best[stop][0]:
                best[stop] = (confidence, [*best[start][1], part])
    confidence, found = best[max(best)]
    return confidence + _CUT, found


def _most_confident(
    segments: Segments, answers: Answers, single: Mapping[int, tuple[float, list[Part]]]
) -> list[Part]:
    """All parts from left to right, neighbours as one digit where the model prefers that."""
    best: list[tuple[float, list[Part]]] = [(0.0, [])]
    for place in range(len(segments.groups)):
        confidence, parts = single[place]
        found = (best[place][0] + confidence, [*best[place][1], *parts])
        pair = segments.joined[place - 1] if place else None
        if pair and (together := _confidence(answers[pair])) >= math.log(_JOINED):
            found = max(
                found,
                (best[place - 1][0] + together, [*best[place - 1][1], pair]),
                key=lambda one: one[0],
            )
        best.append(found)
    return best[-1][1]


def _confidence(answer: Drawing) -> float:
    """Logarithm of the probability times the likeness to a digit."""
    if answer.problem is not Problem.NONE:
        return math.log(_LEAST)
    likeness = 1.0 if answer.ood_score is None else 1.0 - answer.ood_score
    return math.log(max(float(answer.probabilities[answer.digit]) * likeness, _LEAST))
