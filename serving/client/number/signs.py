"""Strokes put together to digits, and told from the signs between them and from dirt."""

from enum import StrEnum
from typing import Final

from serving.client.number.marks import SPECK, Mark, join

_THIN: Final = 0.2
"""Marks thinner than this share of the pen's width are dirt, however long."""
_PEN: Final = 0.6
"""Marks shorter than this share of the pen's width, both ways, are dirt."""
_SIGN: Final = 0.4
"""Marks no taller than this share of the tallest digit are signs: a point, a comma, a minus…"""
_WRITTEN: Final = (2.0, 0.6)
"""… unless they are wider and taller than this over the pen's width, with less ink than this in
their box: a small digit."""
_BESIDE: Final = 0.6
"""Over the line's height: a sign is no farther from a digit, nor below the line."""
_FLAT: Final = 1.6
"""Width over height from which a sign is a minus."""
_UPRIGHT: Final = 1.5
"""Height over width from which a low sign is a comma."""
_LOW: Final = 0.65
"""A sign whose middle is below this share of the line's height stands on the line."""
_HIGH: Final = 0.35
"""One whose middle is above this share of it is none, but the bar of a 5, an apostrophe or dirt."""
_BAR: Final = 0.3
"""Over the line's height: how far from the 5 its bar begins at most."""
_NEARER: Final = 3
"""A dot half-way up, so many times nearer to one digit than to the other, is a piece of it."""
_OVERLAP: Final = (0.5, 0.9)
"""Marks above each other belong to one digit if they share this much of the narrower one's width;
two tall ones, the second."""
_TALL: Final = 0.75
"""Over the tallest mark: a whole digit rather than a part of one."""


class Sign(StrEnum):
    """A mark too small for a digit, as it is written in a number."""

    POINT = "."
    COMMA = ","
    MINUS = "-"
    DOT = "·"


def sort_marks(marks: list[Mark]) -> tuple[list[Mark], list[tuple[Sign, Mark]]]:
    """Tell digits from signs and dirt, both from left to right; the strokes of a digit together."""
    tallest = max(marks, key=lambda mark: mark.longest)
    pen = tallest.area / (tallest.longest + tallest.width)  # of several that touch not much more
    marks = [mark for mark in marks if mark.thickness >= _THIN * pen]
    parts = [mark for mark in marks if mark.longest >= SPECK * tallest.longest]
    specks = [mark for mark in marks if mark.longest < SPECK * tallest.longest]
    groups = _group(parts)
    tall = max(mark.height for mark in groups)
    digits = [mark for mark in groups if mark.height > _SIGN * tall or _is_written(mark, pen)]
    small = [mark for mark in groups if mark not in digits]
    small += [speck for speck in specks if speck.longest >= _PEN * pen]
    top, bottom = min(d.box.top for d in digits), max(d.box.bottom for d in digits)
    beside = [mark for mark in small if _is_beside(mark, digits, top, bottom)]
    signs: list[tuple[Sign, Mark]] = []
    for mark in sorted(beside, key=lambda mark: mark.box.left):
        if (five := _whose_bar(mark, digits, bottom - top)) is not None:
            digits[five] = join(digits[five], mark)
        elif sign := _sign(mark, digits, top, bottom):
            signs.append((sign, mark))
    return digits, signs


def _is_beside(mark: Mark, digits: list[Mark], top: int, bottom: int) -> bool:
    """Whether a mark stands on the line of the digits, near one, but not above, below or inside."""
    middle, reach = (mark.box.left + mark.box.right) / 2, _BESIDE * (bottom - top)
    if mark.box.bottom < top or mark.box.top > bottom + reach:
        return False
    if any(digit.box.left <= middle < digit.box.right for digit in digits):
        return False
    return any(digit.box.left - reach <= middle < digit.box.right + reach for digit in digits)


def _is_written(mark: Mark, pen: float) -> bool:
    """Whether a low mark is a digit rather than a bar or a dot."""
    most = _WRITTEN[1] * mark.width * mark.height
    return min(mark.width, mark.height) > _WRITTEN[0] * pen and mark.area < most


def _whose_bar(mark: Mark, digits: list[Mark], height: int) -> int | None:
    """The digit whose bar a mark is, as a 5 has it: the nearest at its left, if it is near and the
    mark flat and no lower than the digit's upper part."""
    left = [(d.box.right, n) for n, d in enumerate(digits) if d.box.left <= mark.box.left]
    if not left or mark.width < _FLAT * mark.height:
        return None
    right, nearest = max(left)
    box = digits[nearest].box
    near = mark.box.left - right <= _BAR * height
    return nearest if near and _place(mark, box.top, box.bottom) < _HIGH else None


def _sign(mark: Mark, digits: list[Mark], top: int, bottom: int) -> Sign | None:
    """What a small mark is by its place; None of one that changes no number."""
    place = _place(mark, top, bottom)
    if place >= _LOW:
        if mark.width >= _FLAT * mark.height:
            return None
        return Sign.COMMA if mark.height >= _UPRIGHT * mark.width else Sign.POINT
    if place < _HIGH:
        return None
    if mark.width >= _FLAT * mark.height:
        return Sign.MINUS
    return Sign.DOT if _is_between(mark, digits) else None


def _place(mark: Mark, top: int, bottom: int) -> float:
    """How far down from `top` to `bottom` the middle of a mark is, over their distance."""
    return ((mark.box.top + mark.box.bottom) / 2 - top) / (bottom - top)


def _is_between(mark: Mark, digits: list[Mark]) -> bool:
    """Whether a mark stands between two digits, and not at the side of one of them."""
    left = [mark.box.left - digit.box.right for digit in digits if digit.box.left < mark.box.left]
    right = [digit.box.left - mark.box.right for digit in digits if digit.box.left > mark.box.left]
    if not left or not right:
        return False
    gaps = sorted((max(1, min(left)), max(1, min(right))))
    return gaps[1] <= _NEARER * gaps[0]


def _group(marks: list[Mark]) -> list[Mark]:
    """Put the strokes of a digit together, from left to right."""
    tall = _TALL * max(mark.height for mark in marks)
    groups: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.box.left, mark.box.top)):
        for place, group in enumerate(groups):
            shared = min(mark.box.right, group.box.right) - max(mark.box.left, group.box.left)
            if shared >= _OVERLAP[mark.height >= tall and group.height >= tall] * min(
                mark.width, group.width
            ):
                groups[place] = join(group, mark)
                break
        else:
            groups.append(mark)
    merged = sorted(groups, key=lambda mark: mark.box.left)
    return merged if len(merged) == len(marks) else _group(merged)
