"""Strokes: traced from images, and read from a file of recorded pens."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.support.toy_digits import toy_arrays
from trainer.errors import DataError
from trainer.freehand.strokes import read_pen_digits, trace


def image_of(*lines: tuple[tuple[int, int], ...], pen: int = 3) -> np.ndarray[Any, Any]:
    """Soft-edged lines with round ends, places in pixels."""
    picture = Image.new("L", (28 * 8, 28 * 8))
    for line in lines:
        ImageDraw.Draw(picture).line([(8 * x, 8 * y) for x, y in line], fill=255, width=8 * pen)
        for x, y in line:
            ImageDraw.Draw(picture).circle((8 * x, 8 * y), 4 * pen, fill=255)
    return np.asarray(picture.reduce(8))


def write_pens(path: Path, **changes: Any) -> Path:
    """Two recordings: a one of one stroke and a four of two, then a one again."""
    arrays = {
        "points": np.array(
            [[0, 10], [0, 0], [0, 10], [0, 5], [9, 5], [5, 10], [5, 0], [1, 9], [1, 1]], np.float32
        ),
        "stroke_start": np.array([0, 2, 5, 7, 9]),
        "char_start": np.array([0, 1, 3, 4]),
        "labels": np.array([1, 4, 1], np.uint8),
        "recording": np.array([7, 7, 9]),
        **changes,
    }
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


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


def test_read_pen_digits_are_turned_upright_and_keep_their_strokes(tmp_path: Path) -> None:
    pens = read_pen_digits(write_pens(tmp_path / "pens.npz"))
    assert [len(strokes) for strokes in pens.strokes] == [1, 2, 1]
    assert pens.strokes[0][0].tolist() == [[0, -10], [0, 0]]
    assert pens.strokes[1][1].tolist() == [[5, -10], [5, 0]]


def test_pen_digits_halves_share_no_recording(tmp_path: Path) -> None:
    pens = read_pen_digits(write_pens(tmp_path / "pens.npz"))
    assert [pens.half(number).recording.tolist() for number in (0, 1)] == [[7, 7], [9]]
    assert pens.half(1).strokes[0][0].tolist() == [[1, -9], [1, -1]]


@pytest.mark.parametrize(
    "changes",
    [
        {"points": np.zeros((9, 3))},
        {"points": np.zeros((8, 2))},
        {"char_start": np.array([0, 1, 3])},
        {"labels": np.array([1, 4, 10])},
        {"labels": None},
        {"recording": np.array([1])},
    ],
)
def test_read_pen_digits_of_another_layout_are_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(DataError, match="expected a file of pen strokes"):
        read_pen_digits(write_pens(tmp_path / "pens.npz", **changes))


def test_read_pen_digits_of_no_archive_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pens.npz").write_bytes(b"PK\x03\x04 nothing more")
    for path in (tmp_path / "pens.npz", tmp_path / "absent.npz"):
        with pytest.raises(DataError, match="expected a file of pen strokes"):
            read_pen_digits(path)
