"""Characters of many scripts, and signs, as pen strokes: traced from DejaVu Sans, a font that comes
with matplotlib.

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

from trainer.freehand.hand import distort
from trainer.freehand.strokes import Strokes, trace

_TABLE: Final = Path(__file__).with_name("scripts.toml")
_FONT: Final = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
_SIZE: Final = 36
"""Pixels of the font: its lines are then as thick as those of MNIST's digits."""
_MARGIN: Final = 4
_STRETCH: Final = 0.25
"""Standard deviation of the logarithm of how much wider a character is than the font's."""


def script(generator: np.random.Generator, _: object = None) -> Strokes:
    """A character of another script, or a sign."""
    known = read()
    strokes = known[generator.integers(len(known))]
    return distort(strokes, float(np.exp(generator.normal(0, _STRETCH))), generator)


@functools.cache
def read() -> tuple[Strokes, ...]:
    """The strokes of each character, in a box of 1 by 1; of those that a pen would draw, which
    leaves out filled ones."""
    font = ImageFont.truetype(str(_FONT), _SIZE)
    missing = _render(font, "\uffff")
    images = (_render(font, character) for character in characters())
    traced = (trace(image) for image in images if not np.array_equal(image, missing))
    return tuple(_boxed(strokes) for strokes in traced if strokes is not None)


def characters() -> Iterator[str]:
    """The characters of the table; some are not in the font, or no pen would draw them."""
    for block in tomllib.loads(_TABLE.read_text(encoding="utf-8")).values():
        left_out = set(_code_points(block["left_out"]))
        yield from (
            chr(point)
            for point in range(block["first"], block["last"] + 1)
            if point not in left_out
        )


def _code_points(text: str) -> Iterator[int]:
    """The code points of a list such as "0405 0411-0413"."""
    for word in text.split():
        first, _, last = word.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def _render(font: ImageFont.FreeTypeFont, character: str) -> npt.NDArray[np.uint8]:
    """The character as an image, uint8 [h, w], bright on dark."""
    left, top, right, bottom = (round(edge) for edge in font.getbbox(character))
    size = (right - left + 2 * _MARGIN, bottom - top + 2 * _MARGIN)
    image = Image.new("L", size)
    ImageDraw.Draw(image).text((_MARGIN - left, _MARGIN - top), character, 255, font)
    return np.asarray(image)


def _boxed(strokes: Strokes) -> Strokes:
    """Scale strokes to a height of 1, from 0, or to a width of 1 where they are wider than high."""
    points = np.concatenate(strokes)
    low, size = points.min(axis=0), np.ptp(points, axis=0).max()
    return [(line - low) / size for line in strokes]
