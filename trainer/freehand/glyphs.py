"""Characters that are no digits, written by hand: letters and signs of stroke fonts, and invented
ones.

The strokes of the fonts are those of the package Hershey-Fonts. Left out, by name, is every
character that is a digit in somebody's hand (O, l, Z, S, B, q, a Cyrillic З), whatever is only a
line, an arc or a dot, and plain shapes; Greek letters and kana only measure.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from HersheyFonts import HersheyFonts

from trainer.freehand.hand import Points, curve, space, stretch, write
from trainer.freehand.strokes import Strokes

_LATIN: Final = "ACEFHKLMNPRTUVWXYacdefhjkmnprtuvwx"
_SINGLE: Final = {
    "rowmans": _LATIN + '"#$%*+-:<=@[^_{~',
    "scripts": "ACFHKMNPRTUVWXacdefhjkmnprtuvwx",
    "mathlow": "!\"#%&'<=?@^_bcdefghiklnowxyz",
}
"""Characters by font, as its file numbers them: fonts whose strokes are single lines, as a pen's
are."""
_DOUBLE: Final = {
    "cyrilc_1": "ADEFGIJKLMNPQRSUVWYZadefgijklmnpqrsuvwyz",
    "cyrillic": "#$%ADEFGHIKLMNPQRSTUWX[^adefghiklmnpqrstuwx{}",
    "timesi": _LATIN,
    "timesr": _LATIN,
    "gothgbt": _LATIN,
    "gothgrt": _LATIN,
    "gothitt": _LATIN,
    "symbolic": "VWXYZ[]^_abcdefghjknoq",
    "astrology": "!#$%&'-:;<=>?@[]^`{|}~",
    "music": "'(,-.;>?",
}
"""Fonts with double lines, which a thick pen fills."""
_GREEK: Final = {"greeks": "CDFGHLNPQSUVWXabcdefgijklmnpqsuvwx"}
_KANA: Final = {
    "japanese": "".join(
        map(chr, (*range(65, 91), *range(97, 116), *range(121, 168), *range(169, 189)))
    )
}
LEARNED: Final = _SINGLE | _DOUBLE
"""What a network may learn."""
MEASURED: Final = _GREEK.keys() | _KANA.keys()
"""Fonts that only measure."""
_OFTEN: Final = 0.55
"""Share of the characters that comes from fonts with single lines."""
_NARROWEST: Final = 0.15
"""Least width of a font's character over its height."""
_UNLIKE_WHEN_TURNED: Final = frozenset("ACDKMNRWXYacdefkrsx")
_WAYS: Final = ("beside", "above", "struck", "turned")
"""How a character is joined with another one, or changed; the last only where it is then unlike a
digit."""
_MIDDLE: Final = 0.5
_LINES: Final = (2, 2, 3, 3, 4, 5)
"""How many lines an invented character has: one of these."""
_ATTACHED: Final = 0.6
"""Share of the lines of an invented character that begin on an earlier one."""
_STRAIGHT: Final = 0.35
_ROUND: Final = 0.2
"""Shares of its lines that are straight, and arcs or loops."""


class Glyph(NamedTuple):
    """A character of a font: lines in a box of 1 by 1, the box's width over its height, and the
    character's name."""

    lines: list[Points]
    width: float
    name: str


def character(generator: np.random.Generator, _: object = None) -> Strokes:
    """A letter or sign."""
    return _write(_pick(_SINGLE if generator.random() < _OFTEN else _DOUBLE, generator), generator)


def greek(generator: np.random.Generator, _: object = None) -> Strokes:
    """A Greek letter."""
    return _write(_pick(_GREEK, generator), generator)


def kana(generator: np.random.Generator, _: object = None) -> Strokes:
    """A hiragana or katakana."""
    return _write(_pick(_KANA, generator), generator)


def joined(generator: np.random.Generator, _: object = None) -> Strokes:
    """Half of one character above or beside half of another; a character with a line through it,
    or on its side."""
    one, other = (_pick(_SINGLE, generator) for _ in range(2))
    way = _WAYS[generator.integers(len(_WAYS) - (one.name not in _UNLIKE_WHEN_TURNED))]
    lines, width = one.lines, one.width
    if way == "turned":
        lines, width = [line[:, ::-1] for line in one.lines], 1 / max(one.width, _NARROWEST)
    elif way == "struck":
        lines = [*one.lines, generator.uniform(0, 1, (2, 2))]
    else:
        axis = _WAYS.index(way)
        lines = [*_half(one.lines, axis, 0), *_half(other.lines, axis, 1)] or one.lines
        width = (one.width + other.width) / 2
    return _write(Glyph(lines, width, one.name), generator)


def several(generator: np.random.Generator, _: object = None) -> Strokes:
    """Two or three characters side by side."""
    strokes: Strokes = []
    place = 0.0
    for _character in range(generator.integers(2, 4)):
        lines, width = _boxed(_write(_pick(_SINGLE, generator), generator))
        strokes += [line * (width, 1) + (place, 0) for line in lines]
        place += width + generator.uniform(-0.05, 0.3)
    return strokes


def invented(generator: np.random.Generator, _: object = None) -> Strokes:
    """A character of an alphabet that nobody has: lines, arcs and curves, most of which begin on an
    earlier one."""
    lines: list[Points] = []
    for _line in range(generator.choice(_LINES)):
        begin = generator.uniform(0, 1, 2)
        if lines and generator.random() < _ATTACHED:
            begin = generator.choice(lines[generator.integers(len(lines))])
        lines.append(begin + _invent_line(generator))
    return _write(Glyph(*_boxed(lines), ""), generator)


def _invent_line(generator: np.random.Generator) -> Points:
    """A line from the origin: straight near one of eight directions, an arc, or a curve."""
    kind, angle = generator.random(), generator.uniform(0, 2 * np.pi)
    length = generator.uniform(0.25, 0.9)
    if kind < _STRAIGHT:
        angle = generator.integers(8) * np.pi / 4 + generator.normal(0, 0.1)
        return np.stack([np.zeros(2), length * _towards(angle)])
    if kind < _STRAIGHT + _ROUND:
        turns = generator.choice([-1, 1]) * generator.choice([0.5, 0.75, 1, 1])
        angles = angle + np.linspace(0, 2 * np.pi * turns, 24)
        radii = generator.uniform(0.12, 0.4) * generator.uniform(0.6, 1.2, 2)
        return radii * (_towards(angles) - _towards(angle))
    steps = angle + np.cumsum(generator.normal(0, 1.3, generator.integers(2, 4)))
    lengths = length * generator.uniform(0.5, 1, len(steps))
    return curve(np.concatenate([[(0, 0)], np.cumsum(lengths[:, None] * _towards(steps), axis=0)]))


def _towards(angle: "float | Points") -> Points:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _write(glyph: Glyph, generator: np.random.Generator) -> Strokes:
    width = max(glyph.width, _NARROWEST) * stretch(generator)
    return write(glyph.lines, (width, width), generator)


def _half(lines: Sequence[Points], axis: int, side: int) -> list[Points]:
    """What of the lines lies in one half of the box: along `axis` before (0) or after (1) its
    middle."""
    spaced = [space(line) for line in lines]
    return [line[kept] for line in spaced if (kept := (line[:, axis] >= _MIDDLE) == side).sum() > 1]


def _boxed(lines: Sequence[Points]) -> tuple[list[Points], float]:
    """Scale lines to a box of 1 by 1; also its width over its height before."""
    points = np.concatenate(lines)
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    size = np.maximum(size, max(_NARROWEST * size.max(), 1e-6))
    return [(line - low) / size for line in lines], float(size[0] / size[1])


def _pick(fonts: Mapping[str, str], generator: np.random.Generator) -> Glyph:
    """Choose a font, then one of its characters."""
    font = list(fonts)[generator.integers(len(fonts))]
    glyphs = _read_font(font, fonts[font])
    return glyphs[generator.integers(len(glyphs))]


@functools.cache
def _read_font(name: str, characters: str) -> tuple[Glyph, ...]:
    font = HersheyFonts(load_default_font=name)
    lines = {
        character: [np.array(stroke, np.float64) for stroke in font.all_glyphs[character].strokes]
        for character in characters
    }
    return tuple(Glyph(*_boxed(lines[character]), character) for character in characters)
