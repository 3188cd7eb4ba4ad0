"""Strokes, traced from images."""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from tests.support.toy_digits import toy_arrays
from trainer.freehand.strokes import trace


def image_of(*lines: tuple[tuple[int, int], ...], pen: int = 3) -> np.ndarray[Any, Any]:
    """Soft-edged lines with round ends, places in pixels."""
    picture = Image.new("L", (28 * 8, 28 * 8))
    for line in lines:
        ImageDraw.Draw(picture).line([(8 * x, 8 * y) for x, y in line], fill=255, width=8 * pen)
        for x, y in line:
            ImageDraw.Draw(picture).circle((8 * x, 8 * y), 4 * pen, fill=255)
    return np.asarray(picture.reduce(8))


def test_trace_line_is_followed_within_a_pixel() -> None:
    strokes = trace(image_of(((6, 4), (20, 24))))
    assert strokes is not None
    points = np.concatenate(strokes) / 3  # traced at three times the size
    away = np.abs((points[:, 0] - 6) * 20 - (points[:, 1] - 4) * 14) / np.hypot(20, 14)
    assert away.max() < 1.2
    assert np.ptp(points[:, 1]) > 17


def test_trace_pieces_hang_together_round_a_loop() -> None:
    strokes = trace(image_of(((6, 6), (20, 6), (20, 20), (6, 20), (6, 6))))
    assert strokes is not None and all(line.shape == (2, 2) for line in strokes)
    ends, counts = np.unique(np.concatenate(strokes), axis=0, return_counts=True)
    assert len(ends) > 100
    assert (counts >= 2).all(), "a loop has no end"


def test_trace_what_its_middle_line_does_not_draw_again_is_none() -> None:
    assert trace(image_of(((14, 3), (14, 24)))) is not None
    blot = image_of(((14, 3), (14, 24))).copy()
    blot[14:24, 9:24] = 255  # a loop that was filled
    assert trace(blot) is None
    assert trace(np.zeros((28, 28), np.uint8)) is None


def test_trace_most_toy_digits_can_be_traced() -> None:
    images = toy_arrays()["x_train"][:50]
    assert sum(trace(image) is not None for image in images) > 30
