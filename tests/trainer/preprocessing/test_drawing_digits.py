"""The released network and the drawing preprocessing together: how a digit is drawn does not change
which digit it is."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from digits import store
from trainer.freehand.canvas import FACTORS, Look, paint
from trainer.freehand.strokes import Strokes
from trainer.preprocessing.drawing import normalise

PLAIN = Look("medium", "medium", "middle", "upright", "280x280", "black on white", "none")


def arc(  # noqa: PLR0917 - geometry
    x: float, y: float, wide: float, high: float, begin: float, end: float
) -> np.ndarray[Any, Any]:
    """Part of an ellipse round (x, y); angles in quarter turns, clockwise from the right."""
    turn = np.linspace(begin, end, 40) * np.pi / 2
    return np.stack([x + wide * np.cos(turn), y + high * np.sin(turn)], -1)


DIGITS: dict[int, Strokes] = {
    0: [arc(5, 5, 3, 5, 0, 4)],
    1: [np.array([(5.5, 0.0), (4.5, 10)])],
    2: [np.concatenate([arc(5, 3, 3, 3, 2, 4.6), [(2, 10), (8, 10)]])],
    3: [arc(5, 2.5, 2.6, 2.5, 2.2, 5), arc(5, 7.5, 3, 2.5, -1, 1.8)],
    4: [np.array([(5.0, 0), (2, 6), (8, 6)]), np.array([(6.5, 3.0), (6.5, 10)])],
    5: [np.concatenate([[(8, 0), (3.5, 0), (3, 4.3)], arc(5, 7, 2.8, 3, -1.3, 1.7)])],
    6: [np.concatenate([[(6.5, 0), (3, 5)], arc(5, 7.4, 2.5, 2.6, 2, 6)])],
    7: [np.array([(2.0, 0), (8, 0), (4, 10)])],
    8: [arc(5, 2.5, 2.2, 2.5, -1, 3), arc(5, 7.5, 2.6, 2.5, -1, 3)],
    9: [np.concatenate([arc(5, 2.8, 2.5, 2.8, 0, 4), [(7.3, 5), (6, 10)]])],
}
"""A digit of each kind, as schools show it."""

Read = Callable[[bytes], int]


@pytest.fixture(scope="module")
def read() -> Read:
    """From a drawing to the digit, with this code's preprocessing and the released weights."""
    base = Path(__file__).parents[3] / "models" / "digits"
    number = store.served(base)
    assert number is not None
    loaded = tf.saved_model.load(str(base / str(number)))
    see = tf.function(normalise, input_signature=[tf.TensorSpec([None], tf.string)])

    def answer(drawing: bytes) -> int:
        images, problem = see(tf.constant([drawing]))
        assert problem.numpy().tolist() == [0]
        return int(loaded.signatures["serving_default"](images=images)["digit"].numpy()[0])

    return answer


def test_released_network_reads_every_plain_digit(read: Read) -> None:
    read_as = {
        digit: read(paint(strokes, PLAIN, np.random.default_rng(0)))
        for digit, strokes in DIGITS.items()
    }
    assert read_as == {digit: digit for digit in DIGITS}


def touching(digit: int, pen: int, sides: str) -> bytes:
    """A digit cut off at the ink's edge on these sides, of "left", "top", "right" and "bottom"."""
    picture = Image.new("L", (1200, 1200), 255)
    canvas = ImageDraw.Draw(picture)
    for stroke in DIGITS[digit]:
        points = [(100 + 100 * x, 100 + 100 * y) for x, y in stroke]
        canvas.line(points, fill=0, width=pen, joint="curve")
        for x, y in points:
            canvas.ellipse([x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2], fill=0)
    ink = Image.eval(picture, lambda value: 255 - value).getbbox()
    assert ink is not None
    left, top, right, bottom = (
        edge if side in sides.split() else free
        for side, edge, free in zip(
            ("left", "top", "right", "bottom"), ink, (0, 0, *picture.size), strict=True
        )
    )
    file = io.BytesIO()
    picture.crop((left, top, right, bottom)).reduce(4).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("sides", ["left", "top", "right", "bottom", "left top right bottom"])
@pytest.mark.parametrize("pen", [40, 170])
def test_digit_that_touches_the_edge_stays_the_same(read: Read, pen: int, sides: str) -> None:
    read_as = {digit: read(touching(digit, pen, sides)) for digit in DIGITS}
    assert read_as == {digit: digit for digit in DIGITS}


def changed(*factors: str) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({factor: st.sampled_from(FACTORS[factor]) for factor in factors})


@pytest.mark.parametrize(
    "factors",
    [("place",), ("size", "canvas"), ("ink",), ("trouble",), ("pen",), ("tilt",)],
    ids=["moved", "scaled", "recoloured", "re-encoded and soiled", "another pen", "tilted"],
)
@given(data=st.data())
@settings(max_examples=20, deadline=None, derandomize=True)
def test_digit_drawn_in_another_way_stays_the_same(
    read: Read, factors: tuple[str, ...], data: st.DataObject
) -> None:
    digit = data.draw(st.sampled_from(sorted(DIGITS)))
    look = replace(PLAIN, **data.draw(changed(*factors)))
    seed = data.draw(st.integers(0, 2**16))
    assert read(paint(DIGITS[digit], look, np.random.default_rng(seed))) == digit


@given(data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_digit_with_everything_changed_at_once_but_the_tilt_stays_the_same(
    read: Read, data: st.DataObject
) -> None:
    digit = data.draw(st.sampled_from(sorted(DIGITS)))
    look = replace(PLAIN, **data.draw(changed("place", "size", "canvas", "ink", "trouble")))
    assert (
        read(paint(DIGITS[digit], look, np.random.default_rng(data.draw(st.integers(0, 2**16)))))
        == digit
    )
