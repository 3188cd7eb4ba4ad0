"""Handwriting as pen strokes, read from a file of recorded pen trajectories."""

import itertools
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from digits.contract import LABELS
from trainer.data.arrays import Classes
from trainer.errors import DataError
from trainer.freehand.strokes import Strokes

_ARRAYS: Final = ("points", "stroke_start", "char_start", "labels", "recording")


@dataclass(frozen=True, eq=False)
class PenDigits:
    """Digits as they were written with a pen.

    Attributes:
        strokes: of each digit.
        labels: uint8 [n], 0..9.
        recording: integer [n]; digits of one recording are of one hand.
    """

    strokes: list[Strokes]
    labels: Classes
    recording: npt.NDArray[np.integer]

    def half(self, number: int) -> "PenDigits":
        """The digits of every second recording: 0 to tune with, 1 to report. No hand is in both."""
        chosen = np.flatnonzero(np.unique(self.recording, return_inverse=True)[1] % 2 == number)
        return PenDigits(
            [self.strokes[i] for i in chosen], self.labels[chosen], self.recording[chosen]
        )


def read_pen_digits(path: Path) -> PenDigits:
    """Read recorded digits from an .npz file.

    Its arrays: `points` float [p, 2], right and up, in any unit; `stroke_start` and `char_start`
    integer, where each stroke begins among the points and each digit among the strokes, with their
    number at the end; `labels` uint8 [n]; `recording` integer [n].

    Raises:
        DataError: the file cannot be read or holds something else.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            points, strokes, characters, labels, recording = (file[name] for name in _ARRAYS)
        if (
            points.shape[1:] != (2,)
            or strokes[-1] != len(points)
            or characters[-1] != len(strokes) - 1
        ):
            raise ValueError("arrays that do not fit each other")
        if not len(labels) == len(recording) == len(characters) - 1 or labels.max() >= len(LABELS):
            raise ValueError("arrays that do not fit each other")
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise DataError(
            f"expected a file of pen strokes; received '{path}': {error}; see "
            "benchmarks/freehand/pen_digits.py for its layout"
        ) from error
    lines = [line * (1, -1) for line in np.split(points.astype(np.float64), strokes[1:-1])]
    return PenDigits(
        [lines[begin:end] for begin, end in itertools.pairwise(characters)], labels, recording
    )
