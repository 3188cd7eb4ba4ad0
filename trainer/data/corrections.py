"""Drawings that people put right on the page: a few dozen images beside a data set, some of them
kept apart to measure with.

The page (`python -m ui --corrections FOLDER`) keeps them in FOLDER/images/LABEL/ID.png, as the
model saw them.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from trainer.data.arrays import Classes, Images
from trainer.data.image_folders import read_label_folders
from trainer.data.split import Split
from trainer.errors import DataError

IMAGES_FOLDER: Final = "images"
_HELD_OUT: Final = 5
"""One in so many is not trained on, chosen by its pixels alone, so that it stays so as more come
in."""
_SHARE: Final = 0.05
"""Of the images of an epoch that are corrections, repeated until there are as many…"""
_MOST_REPEATS: Final = 50
"""… but not more often than this: a single drawing is no handwriting."""


@dataclass(frozen=True, eq=False)
class Corrections:
    """Corrected drawings.

    Attributes:
        images: uint8 [n, 28, 28].
        labels: uint8 [n], what they are.
        held_out: bool [n], those that only measure.
    """

    images: Images
    labels: Classes
    held_out: npt.NDArray[np.bool_]

    def digest(self) -> str:
        """SHA-256 of all images and labels."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()


def read_corrections(folder: Path, labels: tuple[str, ...]) -> Corrections:
    """Read the corrections that the page saved.

    Args:
        folder: as given to the page.
        labels: text of each class.

    Raises:
        DataError: there is nothing, something else, or a link, which may lead anywhere.
    """
    place = folder / IMAGES_FOLDER
    if not place.is_dir():
        raise DataError(
            f"expected a folder of corrections with a folder '{IMAGES_FOLDER}'; received "
            f"'{folder}'; check CORRECTIONS"
        )
    if strange := sorted(
        path.name for path in place.iterdir() if path.is_dir() and path.name not in labels
    ):
        raise DataError(
            f"expected corrections of the classes {', '.join(labels)}; received "
            f"{', '.join(strange)}; remove those folders"
        )
    if link := next((path for path in (place, *place.rglob("*")) if path.is_symlink()), None):
        raise DataError(
            "expected plain files and folders in the folder of corrections; received the link "
            f"'{link.relative_to(folder)}'; put what it leads to in its place, or remove it"
        )
    images, classes = read_label_folders(place, labels)
    held_out = [hashlib.sha256(image.tobytes()).digest()[0] % _HELD_OUT == 0 for image in images]
    return Corrections(images, classes, np.array(held_out))


def mix(parts: Split, corrections: Corrections) -> Split:
    """Put corrections among the training images, several times each; the validation images stay as
    they are.

    Raises:
        DataError: all of them are held out.
    """
    images = corrections.images[~corrections.held_out]
    labels = corrections.labels[~corrections.held_out]
    if not len(labels):
        raise DataError(
            f"expected a correction to train with; received {len(corrections.labels)}, all held "
            "out to measure; draw some more"
        )
    times = int(np.clip(_SHARE * len(parts.y_train) / len(labels), 1, _MOST_REPEATS))
    return parts.add(np.concatenate([images] * times), np.concatenate([labels] * times))
