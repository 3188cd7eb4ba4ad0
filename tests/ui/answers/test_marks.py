"""Dots are told from digits."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from tests.browser.strokes import STROKES, Place, smooth
from ui.answers.marks import only_dots

Strokes = list[list[Place]]


def draw(strokes: Strokes, pen: float) -> tuple[NDArray[np.uint8], bytes]:
    """Strokes with a round pen: scaled so that the ink is 20 pixels long, as a model sees it, and
    as they are sent."""
    side, reach = 560, pen * 280
    sheet = Image.new("L", (side, side), 255)
    brush = ImageDraw.Draw(sheet)
    for stroke in strokes:
        places = [(x * side, y * side) for x, y in stroke]
        brush.line(places, fill=0, width=round(2 * reach), joint="curve")
        for x, y in places:
            brush.ellipse((x - reach, y - reach, x + reach, y + reach), fill=0)
    box = ImageOps.invert(sheet).getbbox()
    assert box is not None
    cut = ImageOps.invert(sheet).crop(box)
    shrink = 20 / max(cut.size)
    size = [max(1, round(length * shrink)) for length in cut.size]
    small = cut.resize(size, Image.Resampling.BOX)
    image = Image.new("L", (28, 28))
    image.paste(small, ((28 - small.width) // 2, (28 - small.height) // 2))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return np.asarray(image), file.getvalue()


@pytest.mark.parametrize("pen", [0.03, 0.075, 0.16])
@pytest.mark.parametrize("digit", range(10))
def test_only_dots_digit_is_none(digit: int, pen: float) -> None:
    strokes = [smooth(stroke) for stroke in STROKES[digit]]
    assert not only_dots(*draw(strokes, pen))


@pytest.mark.parametrize("pen", [0.03, 0.075, 0.16])
@pytest.mark.parametrize(
    "dots",
    [[[(0.5, 0.5)]], [[(0.3, 0.5)], [(0.7, 0.5)]], [[(0.3, 0.2)], [(0.7, 0.5)], [(0.5, 0.8)]]],
)
def test_only_dots_taps_of_the_pen_are(dots: Strokes, pen: float) -> None:
    assert only_dots(*draw(dots, pen))


def test_only_dots_blank_is_none() -> None:
    assert not only_dots(np.zeros((28, 28), np.uint8), b"")


def test_only_dots_scribble_over_all_the_pad_is_none() -> None:
    scribble = [[(0.1, y / 20), (0.9, y / 20)] for y in range(2, 19)]
    assert not only_dots(*draw(scribble, 0.075))
