"""Add drawings to the training images; drawn once, then read from a file."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from trainer.data.cached import read_or_make
from trainer.data.split import Split
from trainer.evaluation.freehand_score import FAMILY as DRAWINGS_FAMILY
from trainer.freehand.drawings import Drawings, draw, draw_forms
from trainer.freehand.forms import FAMILY as FORMS_FAMILY
from trainer.freehand.forms import TRAINING

_DRAWINGS_SEED: Final = 20264
"""Other than that of the drawings which versions are scored on."""
_PREFIX: Final = 8
"""Hexadecimal digits of a digest that name a file."""


def add_forms(parts: Split, count: int, folder: Path) -> Split:
    """Put `count` drawings of synthetic handwriting behind the training images.

    Args:
        parts: those of a data set whose classes are the ten digits.
        count: how many; 0 changes nothing.
        folder: keeps the drawings, since thousands take minutes.
    """
    if not count:
        return parts
    path = folder / f"forms-{FORMS_FAMILY}-{count}.npz"
    return _add(parts, path, count, lambda: draw_forms(count, TRAINING))


def add_drawings(parts: Split, count: int, folder: Path) -> Split:
    """Put `count` of the training images, traced and drawn again as people would, behind them.

    Args:
        parts: where the images come from.
        count: how many; 0 changes nothing.
        folder: keeps the drawings, since thousands take minutes.
    """
    if not count:
        return parts
    images, labels = parts.x_train, parts.y_train
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()[:_PREFIX]
    path = folder / f"drawings-{DRAWINGS_FAMILY}-{digest}-{count}.npz"
    return _add(parts, path, count, lambda: draw(images, labels, count, _DRAWINGS_SEED))


def _add(parts: Split, path: Path, count: int, make: Callable[[], Drawings]) -> Split:
    """Put what networks see of drawings behind the training images."""

    def arrays() -> dict[str, npt.NDArray[np.uint8]]:
        drawn = make()
        return {"images": drawn.seen, "labels": drawn.labels}

    kept = read_or_make(path, arrays, f"drawing {count:,} digits")
    return parts.add(kept["images"], kept["labels"])
