"""Drawings that are no digits, made up: to fit what refuses them, and others, never fitted to, to
measure it with.

Which drawings people will send is not known; these only differ from digits in as many ways as
strokes can.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.interpolate import make_interp_spline

from trainer.freehand import glyphs, scripts
from trainer.freehand.letters import handwritten
from trainer.freehand.strokes import Strokes

Digits = Sequence[tuple[Strokes, int]]
"""Strokes of digits, with their class."""
Family = Callable[[np.random.Generator, Digits], Strokes]
"""Makes one drawing; takes digits to make it from."""

_SMOOTH: Final = 24
"""Points of a curve."""
_MIDDLE: Final = 0.5
"""Height in the box of a digit."""
_STAR: Final = 5
"""Corners of the polygon that may be drawn as a star."""
UNLIKE_WHEN_TURNED: Final = (2, 3, 4, 5, 7)
"""Digits that are none when they lie on their side; a 0, 1 or 8 may be one, and a 6 and a 9 differ
by such a turn."""
UNLIKE_WHEN_MIRRORED: Final = (2, 3, 4, 6, 7)
"""Digits that are none in a mirror."""


def scribble(generator: np.random.Generator, _: Digits) -> Strokes:
    """One line that goes to and fro."""
    return [_curve(generator.uniform(0, 1, (generator.integers(7, 16), 2)))]


def letters(generator: np.random.Generator, _: Digits) -> Strokes:
    """Three to five straight or curved lines between the points of a grid, as letters of unknown
    alphabets."""
    grid = np.stack(np.meshgrid([0, 0.5, 1], [0, 0.5, 1]), -1).reshape(-1, 2)
    lines = []
    for _line in range(generator.integers(3, 6)):
        begin, end = grid[generator.choice(9, 2, replace=False)] + generator.normal(0, 0.05, (2, 2))
        middle = (begin + end) / 2 + generator.normal(0, 0.25, 2) * generator.integers(2)
        lines.append(_curve(np.stack([begin, middle, end])))
    return lines


def halves(generator: np.random.Generator, digits: Digits) -> Strokes:
    """The upper half of a digit on the lower half of another one."""
    (upper, one), (lower, other) = (_pick(generator, digits) for _ in range(2))
    while one == other:
        lower, other = _pick(generator, digits)
    above = [line[kept] for line in _boxed(upper) if (kept := line[:, 1] < _MIDDLE).sum() > 1]
    below = [line[kept] for line in _boxed(lower) if (kept := line[:, 1] >= _MIDDLE).sum() > 1]
    return [*above, *below] or halves(generator, digits)


def turned(generator: np.random.Generator, digits: Digits) -> Strokes:
    """A digit on its side, to the left or right."""
    strokes, _ = _pick(generator, digits, UNLIKE_WHEN_TURNED)
    side = generator.choice([(-1, 1), (1, -1)])
    return [line[:, ::-1] * side for line in strokes]


def mirrored(generator: np.random.Generator, digits: Digits) -> Strokes:
    """A digit seen in a mirror."""
    strokes, _ = _pick(generator, digits, UNLIKE_WHEN_MIRRORED)
    return [line * (-1, 1) for line in strokes]


def pairs(generator: np.random.Generator, digits: Digits) -> Strokes:
    """Two digits side by side, or overlapping."""
    (first, _), (second, _) = (_pick(generator, digits) for _ in range(2))
    apart = np.array([generator.uniform(0.3, 1.1), 0])
    return [*_boxed(first), *(line + apart for line in _boxed(second))]


def shapes(generator: np.random.Generator, _: Digits) -> Strokes:
    """A polygon or a star, sometimes with a cross in it; a circle would be a nought."""
    corners = generator.integers(3, 6)
    angle = np.arange(corners + 1) * (2 * np.pi / corners) * generator.choice(
        [1, 2] if corners == _STAR else [1]
    ) + generator.uniform(0, 6)
    line = np.stack([np.cos(angle), np.sin(angle)], -1) * generator.uniform(0.6, 1, 2)
    return [line, np.array([(-1.0, 0), (1, 0)]), np.array([(0.0, -1), (0, 1)])][
        : generator.integers(1, 4)
    ]


def hatching(generator: np.random.Generator, _: Digits) -> Strokes:
    """Parallel lines, one way or crossed."""
    lines = [
        np.array([(0, place), (1, place)]) + generator.normal(0, 0.03, (2, 2))
        for place in np.linspace(0, 1, generator.integers(3, 7))
    ]
    return [*lines, *(line[:, ::-1] for line in lines)][: len(lines) * generator.integers(1, 3)]


def dots(generator: np.random.Generator, _: Digits) -> Strokes:
    """Some dots and dashes."""
    return [
        generator.uniform(0, 1, (1, 2)) + generator.normal(0, 0.1, (2, 2)) * generator.integers(2)
        for _ in range(generator.integers(3, 9))
    ]


FITTED: Final[dict[str, Family]] = {
    family.__name__: family
    for family in (
        scribble,
        letters,
        halves,
        turned,
        mirrored,
        pairs,
        glyphs.character,
        glyphs.invented,
        glyphs.joined,
        glyphs.several,
        handwritten,
        scripts.script,
    )
}
"""What the score is fitted with."""
UNSEEN: Final[dict[str, Family]] = {
    family.__name__: family for family in (shapes, hatching, dots, glyphs.greek, glyphs.kana)
}
"""What it is measured with, besides."""
_TURNS: Final = {
    "character": 8,
    "handwritten": 20,
    "invented": 8,
    "joined": 4,
    "script": 12,
    "several": 2,
}
"""How often the more varied families have a turn while each of the others has one."""


def make(
    families: dict[str, Family], count: int, digits: Digits, seed: int
) -> tuple[list[Strokes], list[str]]:
    """Make `count` drawings, of each family in turn; the varied ones have several turns.

    Returns:
        The drawings, and the family of each.
    """
    generator = np.random.default_rng(seed)
    turns = [name for name in families for _ in range(_TURNS.get(name, 1))]
    names = [turns[number % len(turns)] for number in range(count)]
    return [families[name](generator, digits) for name in names], names


def _pick(
    generator: np.random.Generator, digits: Digits, classes: Sequence[int] = tuple(range(10))
) -> tuple[Strokes, int]:
    fit = [digit for digit in digits if digit[1] in classes]
    return fit[generator.integers(len(fit))]


def _boxed(strokes: Strokes) -> Strokes:
    """Scale strokes to a height of 1, from 0, and to the middle of their width."""
    low = np.min([line.min(axis=0) for line in strokes], axis=0)
    high = np.max([line.max(axis=0) for line in strokes], axis=0)
    return [
        (line - ((low[0] + high[0]) / 2, low[1])) / max(high[1] - low[1], 1e-9) for line in strokes
    ]


def _curve(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A smooth line, float64 [m, 2], through points float64 [k, 2]."""
    at = np.arange(len(points))
    through = make_interp_spline(at, points, k=min(3, len(points) - 1))
    return np.asarray(through(np.linspace(0, at[-1], _SMOOTH * len(points) // 3)))
