"""Characters of many scripts, and signs, as pen strokes: traced from DejaVu Sans, a font that comes
with matplotlib and has a licence of its own there, LICENSE_DEJAVU.

`scripts.toml` says which they are; those that are a digit in somebody's hand are left out.
"""

import functools
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from trainer.freehand.hand import distort, stretch
from trainer.freehand.strokes import Strokes, trace

_TABLE: Final = Path(__file__).with_name("scripts.toml")
_FONT: Final = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
_SIZE: Final = 36
"""Pixels of the font: its lines are then as thick as those of MNIST's digits."""
_MARGIN: Final = 4
_MISSING: Final = "\uffff"
"""No character: a font shows its sign for those that it lacks."""


def script(generator: np.random.Generator, _: object = None) -> Strokes:
    """A character of another script, or a sign."""
    known = characters()
    strokes = None
    while strokes is None:
        strokes = _trace(known[generator.integers(len(known))])
    return distort(strokes, stretch(generator), generator)


@functools.cache
def characters() -> tuple[str, ...]:
    """The characters of the table. Some are not in the font, or no pen would draw them, since they
    are filled: they are never drawn."""
    found: list[str] = []
    for block in tomllib.loads(_TABLE.read_text(encoding="utf-8")).values():
        points = range(block["first"], block["last"] + 1)
        left_out = set(_code_points(block["left_out"]))
        found += (chr(point) for point in points if point not in left_out)
    return tuple(found)


@functools.cache
def _trace(character: str) -> Strokes | None:
    """The strokes of a character in a box of 1 by 1; None of one that is not drawn."""
    image = _render(character)
    strokes = None if np.array_equal(image, _render(_MISSING)) else trace(image)
    return strokes and _boxed(strokes)


def _code_points(text: str) -> Iterator[int]:
    """The code points of a list such as "0405 0411-0413"."""
    for word in text.split():
        first, _, last = word.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


@functools.cache
def _render(character: str) -> npt.NDArray[np.uint8]:
    """The character as an image, uint8 [h, w], bright on dark."""
    font = _font()
    left, top, right, bottom = (round(edge) for edge in font.getbbox(character))
    size = (right - left + 2 * _MARGIN, bottom - top + 2 * _MARGIN)
    image = Image.new("L", size)
    ImageDraw.Draw(image).text((_MARGIN - left, _MARGIN - top), character, 255, font)
    return np.asarray(image)


@functools.cache
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_FONT), _SIZE)


def _boxed(strokes: Strokes) -> Strokes:
    """Scale strokes to a height of 1, from 0, or to a width of 1 where they are wider than high."""
    points = np.concatenate(strokes)
    low, size = points.min(axis=0), np.ptp(points, axis=0).max()
    return [(line - low) / size for line in strokes]
