"""Synthetic handwriting: digits in every form of forms.toml, as pen strokes.

Each drawing has its own proportions, slant, distortion, tremble, rounded corners, joins and
overshoots, all drawn from its seed and number alone. Painted by `trainer.freehand.canvas` and read
by the graph, so that a network is trained on what it will see when it is served.
"""

import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.interpolate import make_interp_spline
from scipy.ndimage import gaussian_filter1d

from trainer.freehand.canvas import Look
from trainer.freehand.strokes import Strokes

FAMILY: Final = 1
"""Number of the family of forms. It rises with every change to what is drawn; scores of two
families say nothing about each other."""
TRAINING: Final = 20265
"""Seed of the drawings that networks are trained on."""
HELD_OUT: Final = 20266
"""Seed of those that only measure."""
_TABLE: Final = Path(__file__).with_name("forms.toml")
_WRITING: Final = 1
"""Keeps the random numbers of the strokes apart from those of the canvas."""
_LOOKS: Final = (
    ("hairline", "thin", "medium", "medium", "marker"),
    ("black on white", "white on black", "pencil", "transparent"),
    ("medium", "large"),
    ("middle", "off centre"),
)
"""Pens, inks, sizes and places that forms are painted with."""
_SPACING: Final = 0.02
"""Distance between the points of a finished stroke. This and all lengths below are over the height
of the digit."""
_PLACES: Final = 0.02
"""Standard deviation of how far each point of the table is moved, beside its range."""
_ROUNDING: Final = 0.06
"""Corners are smoothed over up to this length."""
_TREMBLE: Final = 0.012
"""Largest standard deviation of a tremble…"""
_TREMBLE_LENGTH: Final = 0.06
"""… and the length of stroke over which it changes."""
_WARP: Final = 0.12
"""Standard deviation of the coefficients of the smooth distortion of a whole digit."""
_SLANT: Final = (0.08, 0.16)
"""Mean and standard deviation of the shift to the right of the upper edge."""
_TURN: Final = 5.0
"""Standard deviation of the rotation, degrees."""
_LIFT: Final = 0.025
"""Standard deviation of the offset of each stroke after the first, along each axis."""
_END: Final = 0.03
"""Standard deviation of how much longer or shorter a stroke is at either end."""

Points = npt.NDArray[np.float64]
"""float64 [k, 2], right and down."""


@dataclass(frozen=True)
class Form:
    """One way to write one digit; forms.toml tells what its fields mean.

    Attributes:
        name: begins with the digit.
        strokes: each a row of points and how they are joined.
        width: of the box over its height, from and to.
    """

    name: str
    strokes: tuple[str, ...]
    width: tuple[float, float]

    @property
    def digit(self) -> int:
        """The digit that it is a form of, 0..9."""
        return int(self.name[0])


@functools.cache
def read_forms() -> tuple[Form, ...]:
    """Read the table of forms."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return tuple(
        Form(name, tuple(row["strokes"]), tuple(row["width"])) for name, row in table.items()
    )


def make(
    count: int, seed: int, forms: Sequence[Form] | None = None
) -> tuple[list[Strokes], list[Form]]:
    """Write `count` digits, as many of each digit, each in one of its forms.

    Args:
        count: how many; the first ones are the same however many there are.
        seed: `TRAINING` or `HELD_OUT`.
        forms: to choose from; None: all.

    Returns:
        The strokes of each digit, and its form.
    """
    forms = forms or read_forms()
    digits = sorted({form.digit for form in forms})
    by_digit = [[form for form in forms if form.digit == digit] for digit in digits]
    written, chosen = [], []
    for number in range(count):
        generator = np.random.default_rng([seed, number, _WRITING])
        of_digit = by_digit[number % len(by_digit)]
        chosen.append(of_digit[generator.integers(len(of_digit))])
        written.append(write(chosen[-1], generator))
    return written, chosen


def write(form: Form, generator: np.random.Generator) -> Strokes:
    """Write one digit as one hand would, in a box about 1 high."""
    rounding, tremble = generator.uniform(0, (_ROUNDING, _TREMBLE))
    strokes: Strokes = []
    for stroke in form.strokes:
        ranges, joins = _parse(stroke)
        points = generator.uniform(ranges[..., 0], ranges[..., 1])
        points += generator.normal(0, _PLACES, points.shape)
        line = _lengthen(_spaced(_connect(points, joins)), generator.normal(0, _END, 2))
        line = _smooth(line, rounding) + _tremble(len(line), tremble, generator)
        strokes.append(line + generator.normal(0, _LIFT, 2) * (len(strokes) > 0))
    return _distort(strokes, generator.uniform(*form.width), generator)


def draw_look(generator: np.random.Generator) -> Look:
    """Draw how a form is painted: with any pen and ink, on a clean canvas, upright since its own
    slant is part of it."""
    pen, ink, size, place = (str(generator.choice(levels)) for levels in _LOOKS)
    return Look(
        pen=pen, size=size, place=place, tilt="upright", canvas="280x280", ink=ink, trouble="none"
    )


@functools.cache
def _parse(stroke: str) -> tuple[Points, str]:
    """Read one stroke.

    Returns:
        Ranges of its points, float64 [k, 2, 2] as (right or down, from or to), and the k - 1 joins.
    """
    words = stroke.split()
    ranges = [[(axis.split(":") * 2)[:2] for axis in word.split(",")] for word in words[::2]]
    return np.array(ranges, np.float64), "".join(words[1::2])


def _connect(points: Points, joins: str) -> Points:
    """Lead a line through points: straight along `-`, one smooth curve along each row of `~`."""
    parts, begin = [points[:1]], 0
    while begin < len(joins):
        end = begin + 1
        while joins[begin] == "~" and joins[end : end + 1] == "~":
            end += 1
        parts.append(_curve(points[begin : end + 1])[1:])
        begin = end
    return np.concatenate(parts)


def _curve(points: Points) -> Points:
    """A smooth curve through points, which does not overshoot between near ones.

    Source: centripetal parametrisation, Lee, Computer-Aided Design 21 (1989).
    """
    steps = np.sqrt(np.linalg.norm(np.diff(points, axis=0), axis=1) + 1e-6)
    at = np.concatenate([[0], np.cumsum(steps)])
    through = make_interp_spline(at, points, k=min(3, len(points) - 1))
    return np.asarray(through(np.linspace(0, at[-1], 16 * len(points))))


def _spaced(line: Points) -> Points:
    """The same line with points at equal distances."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, along[-1], max(2, round(along[-1] / _SPACING)))
    return np.stack([np.interp(at, along, axis) for axis in line.T], axis=1)


def _lengthen(line: Points, amounts: npt.NDArray[np.float64]) -> Points:
    """Make a line longer at its two ends, or shorter, by at most a quarter, where the amount is
    below 0."""
    for amount in amounts:
        line = line[::-1]
        last, step = line[-1], line[-1] - line[-2]
        if amount < 0:
            line = line[: len(line) - min(len(line) // 4, int(-amount / _SPACING))]
        else:
            length = max(float(np.linalg.norm(step)), 1e-6)
            line = np.concatenate([line, [last + step * (amount / length)]])
    return line


def _smooth(line: Points, length: float) -> Points:
    """Round the corners of a line over `length`; its ends stay."""
    deviation = max(length / _SPACING, 1e-3)
    smoothed = np.asarray(gaussian_filter1d(line, deviation, axis=0, mode="nearest"))
    smoothed[[0, -1]] = line[[0, -1]]
    return smoothed


def _tremble(points: int, amount: float, generator: np.random.Generator) -> Points:
    """A tremble of the standard deviation `amount`: offsets of points, float64 [points, 2]."""
    deviation = _TREMBLE_LENGTH / _SPACING
    noise = generator.normal(0, 1, (points, 2))
    smooth = np.asarray(gaussian_filter1d(noise, deviation, axis=0, mode="nearest"))
    return smooth * (amount * float(np.sqrt(2 * np.sqrt(np.pi) * deviation)))


def _distort(strokes: Strokes, width: float, generator: np.random.Generator) -> Strokes:
    """Distort a whole digit smoothly, then scale its width, slant and rotate it."""
    coefficients = generator.normal(0, _WARP, (2, 4))
    slant, angle = generator.normal(*_SLANT), np.deg2rad(generator.normal(0, _TURN))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    distorted = []
    for line in strokes:
        x, y = (line - 0.5).T
        terms = np.stack([x * y, x * x, y * y, 2 * x * y * y])
        curved = np.stack([x, y]) + coefficients @ terms
        slanted = np.stack([curved[0] * width - slant * curved[1], curved[1]], axis=1)
        distorted.append(slanted @ turn)
    return distorted
