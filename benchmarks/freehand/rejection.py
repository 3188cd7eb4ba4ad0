"""Asking a version about digits and about what is none, and how well it tells them apart."""

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image

from benchmarks.freehand.record import VALIDATION, Rejection
from digits.contract import DRAWINGS, NOT_A_DIGIT, OOD_SCORE
from trainer.data.arrays import Images
from trainer.data.split import Split
from trainer.errors import DataError
from trainer.export.material import draw_fresh
from trainer.export.ood import measure
from trainer.freehand.outliers import FITTED

_BATCH: Final = 50
Ask = Callable[[Sequence[bytes]], dict[str, npt.NDArray[Any]]]
"""From encoded pictures to the outputs of the signature `drawings`."""


def asker(folder: Path) -> Ask:
    """The signature `drawings` of the SavedModel in `folder`, for any number of pictures."""
    loaded = tf.saved_model.load(str(folder))
    signature = loaded.signatures[DRAWINGS]

    def ask(pictures: Sequence[bytes]) -> dict[str, npt.NDArray[Any]]:
        _ = loaded  # the signature alone would let go of the weights
        batches = [
            signature(png=tf.constant(pictures[start : start + _BATCH]))
            for start in range(0, len(pictures), _BATCH)
        ]
        return {
            name: np.concatenate([batch[name].numpy() for batch in batches]) for name in batches[0]
        }

    return ask


def read_strangers(path: Path) -> dict[str, Images]:
    """Images that are no digits, by family, from an .npz file with `images` uint8 [n, 28, 28] and
    `family` [n].

    Raises:
        DataError: the file cannot be read or holds something else.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            images, family = file["images"], file["family"]
        return {str(name): images[family == name] for name in np.unique(family)}
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise DataError(
            f"expected images and families; received '{path}': {error}; give another file"
        ) from error


def reject(
    ask: Ask,
    parts: Split,
    answers: dict[str, dict[str, npt.NDArray[Any]]],
    strangers: dict[str, Images],
) -> Rejection:
    """Measure what is told not to be a digit: digits, made-up drawings of every family, and what
    else there is."""
    fresh = draw_fresh(parts) or {}
    families = {
        f"{name}, {'fitted' if name in FITTED else 'unseen'}": seen for name, seen in fresh.items()
    }
    others = {
        name: ask(_encoded(images))[OOD_SCORE]
        for name, images in {**families, **strangers}.items()
        if len(images)
    }
    digits = {
        "validation images": ask(_encoded(parts.x_validation))[OOD_SCORE],
        **{name: one[OOD_SCORE] for name, one in answers.items()},
    }
    known = np.concatenate([digits["validation images"], digits[VALIDATION]])
    found = measure(known, others)
    return Rejection(
        false_rejection={
            name: float((scores > NOT_A_DIGIT).mean()) for name, scores in digits.items()
        },
        accepted={name: one["accepted"] for name, one in found.items()},
        auroc={name: one["auroc"] for name, one in found.items()},
    )


def _encoded(images: Images) -> list[bytes]:
    pictures = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG", compress_level=1)
        pictures.append(buffer.getvalue())
    return pictures
