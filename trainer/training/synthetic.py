"""Add synthetic handwriting to the training images; drawn once, then read from a file."""

import io
import zipfile
from pathlib import Path

import numpy as np

from digits.files import write_synced
from trainer.data.split import Split
from trainer.freehand.drawings import draw_forms
from trainer.freehand.forms import FAMILY, TRAINING


def add_forms(parts: Split, count: int, folder: Path) -> Split:
    """Put `count` drawings of synthetic handwriting behind the training images.

    Args:
        parts: those of a data set whose classes are the ten digits.
        count: how many; 0 changes nothing.
        folder: keeps the drawings, since thousands take minutes.
    """
    if not count:
        return parts
    path = folder / f"forms-{FAMILY}-{count}.npz"
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return parts.add(file["images"], file["labels"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        print(f"drawing {count:,} synthetic digits")
    drawn = draw_forms(count, TRAINING)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=drawn.seen, labels=drawn.labels)
    folder.mkdir(parents=True, exist_ok=True)
    write_synced(path, buffer.getvalue())
    return parts.add(drawn.seen, drawn.labels)
