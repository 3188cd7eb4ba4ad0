"""Add drawings to the training images; drawn once, then read from a file."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from digits.files import write_synced
from trainer.data.arrays import Classes, Images
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
    return parts.add(*_read_or_draw(path, count, lambda: draw_forms(count, TRAINING)))


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
    return parts.add(
        *_read_or_draw(path, count, lambda: draw(images, labels, count, _DRAWINGS_SEED))
    )


def _read_or_draw(path: Path, count: int, make: Callable[[], Drawings]) -> tuple[Images, Classes]:
    """What networks see of drawings, and their labels: from the file, or drawn and kept there."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return file["images"], file["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        print(f"drawing {count:,} digits")
    drawn = make()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=drawn.seen, labels=drawn.labels)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_synced(path, buffer.getvalue())
    return drawn.seen, drawn.labels
