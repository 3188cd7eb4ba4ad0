"""Strokes, read from a file of recorded pens."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.freehand.pen_digits import read_pen_digits
from trainer.errors import DataError


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
