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

from trainer.freehand import hand
from trainer.freehand.canvas import Look
from trainer.freehand.hand import Points, curve
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
_PLACES: Final = 0.02
"""Standard deviation of how far each point of the table is moved, beside its range, over the height
of the digit."""


@dataclass(frozen=True)
class Form:
    """One way to write one digit, letter or sign; forms.toml tells what its fields mean.

    Attributes:
        name: begins with what it is a form of.
        strokes: each a row of points and how they are joined.
        width: of the box over its height, from and to.
    """

    name: str
    strokes: tuple[str, ...]
    width: tuple[float, float]

    @property
    def digit(self) -> int:
        """Of a form of a digit: the digit, 0..9."""
        return int(self.name[0])


@functools.cache
def read_forms(table: Path = _TABLE) -> tuple[Form, ...]:
    """Read a table of forms, as forms.toml is one."""
    rows = tomllib.loads(table.read_text(encoding="utf-8"))
    return tuple(
        Form(name, tuple(row["strokes"]), tuple(row["width"])) for name, row in rows.items()
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
    """Write one form as one hand would, in a box about 1 high."""
    lines = (_draw_line(stroke, generator) for stroke in form.strokes)
    return hand.write(lines, form.width, generator)


def _draw_line(stroke: str, generator: np.random.Generator) -> Points:
    """Draw the points of one stroke from their ranges, and join them."""
    ranges, joins = _parse(stroke)
    points = generator.uniform(ranges[..., 0], ranges[..., 1])
    return _connect(points + generator.normal(0, _PLACES, points.shape), joins)


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
        parts.append(curve(points[begin : end + 1])[1:])
        begin = end
    return np.concatenate(parts)
