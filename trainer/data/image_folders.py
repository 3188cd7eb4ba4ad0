"""Read folders of 28x28 PNGs or JPEGs, one a label, below `train/` and `test/` or directly."""

import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from digits.contract import IMAGE_SIZE
from trainer.data.arrays import Classes, Found, Images
from trainer.data.pixels import NONE_ASKED_FOR, Conversion, read_picture
from trainer.errors import DataError

TEST_EVERY: Final = 6
"""Folders without `train/` and `test/`: every sixth image of a label tests, as 10,000 of MNIST's
70,000 do about."""
_ENDINGS: Final = frozenset({".png", ".jpg", ".jpeg"})
_PARTS: Final = ("train", "test")
_SYSTEM: Final = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
"""What systems leave beside files; what begins with a dot is hidden too."""


def read_image_folders(folder: Path, conversion: Conversion = NONE_ASKED_FOR) -> Found:
    """Read images in folders that have the labels' names.

    Args:
        folder: has a folder a label, or `train/` and `test/` with them.
        conversion: of their pixels, as asked for.

    Raises:
        DataError: there are no images, one is not 28x28 or cannot be read, or training and test
            images have other labels.
    """
    left_out: Counter[str] = Counter()
    if any((folder / part).is_dir() for part in _PARTS):
        labels = _common_labels(folder, left_out)
        found = {part: _read(folder / part, labels, conversion, left_out) for part in _PARTS}
    else:
        labels = _label_names(folder, left_out)
        if not labels:
            raise DataError(
                "expected an .npz file, the four IDX files, or one folder of PNGs or JPEGs a "
                f"label; received '{folder}' with none of them; check DIGITS_DATA or --data"
            )
        found = _split(*_read(folder, labels, conversion, left_out), len(labels))
    arrays = {f"{axis}_{part}": found[part][i] for part in _PARTS for i, axis in enumerate("xy")}
    taken = f"one folder of images a label in '{folder.name}'"
    return Found(arrays, labels, taken, left_out, is_converted=True)


def read_label_folders(folder: Path, labels: tuple[str, ...]) -> tuple[Images, Classes]:
    """Read the 28x28 images in the folders that have the labels' names; some may be absent.

    Raises:
        DataError: there are none at all, or one is not 28x28.
    """
    return _read(folder, labels, NONE_ASKED_FOR, Counter())


def _common_labels(folder: Path, left_out: Counter[str]) -> tuple[str, ...]:
    """The labels of the training images, which the test images must have too."""
    names = {
        part: _label_names(folder / part, left_out) if (folder / part).is_dir() else ()
        for part in _PARTS
    }
    if names["train"] != names["test"] or not names["train"]:
        lists = (f"{part} with {', '.join(names[part]) or 'no images'}" for part in _PARTS)
        raise DataError(
            f"expected the same labels in train and test; received {' and '.join(lists)}; add the "
            "missing folders or remove the others"
        )
    return names["train"]


def _label_names(folder: Path, left_out: Counter[str]) -> tuple[str, ...]:
    names = []
    for path in sorted(folder.iterdir()):
        if _is_hidden(path):
            left_out["hidden folders" if path.is_dir() else "hidden files"] += 1
        elif not path.is_dir():
            left_out["files beside the labels' folders"] += 1
        elif any(_is_image(inside) for inside in path.iterdir()):
            names.append(path.name)
        else:
            left_out["folders without images"] += 1
    return tuple(names)


def _read(
    folder: Path, labels: tuple[str, ...], conversion: Conversion, left_out: Counter[str]
) -> tuple[Images, Classes]:
    paths = [
        (path, number)
        for number, label in enumerate(labels)
        for path in _list_images(folder / label, left_out)
    ]
    if not paths:
        raise DataError(
            f"expected images in one folder a label; received none below '{folder.name}'; check "
            "DIGITS_DATA or --data"
        )
    return (
        np.stack([_read_image(path, conversion) for path, _ in paths]),
        np.array([number for _, number in paths], np.uint8),
    )


def _list_images(folder: Path, left_out: Counter[str]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if _is_image(path):
            yield path
        elif _is_hidden(path):
            left_out["hidden folders" if path.is_dir() else "hidden files"] += 1
        else:
            left_out["folders inside a label's" if path.is_dir() else "files of other kinds"] += 1


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name in _SYSTEM


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in _ENDINGS and not _is_hidden(path) and path.is_file()


def _split(images: Images, classes: Classes, labels: int) -> dict[str, tuple[Images, Classes]]:
    place = np.concatenate([np.arange(np.count_nonzero(classes == c)) for c in range(labels)])
    tests = place % TEST_EVERY == TEST_EVERY - 1
    return {"train": (images[~tests], classes[~tests]), "test": (images[tests], classes[tests])}


def _read_image(path: Path, conversion: Conversion) -> Images:
    name = f"{path.parent.name}/{path.name}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # refused by its size
            image = Image.open(path, formats=["PNG", "JPEG"])
        with image:
            size = image.size
            if size == (IMAGE_SIZE, IMAGE_SIZE):
                image.load()
                return read_picture(ImageOps.exif_transpose(image), name, conversion)
    except Image.DecompressionBombError as error:
        raise DataError(
            f"expected {IMAGE_SIZE}x{IMAGE_SIZE} pixels; received far more in '{name}'; resize it"
        ) from error
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise DataError(
            f"expected a readable PNG or JPEG; received '{name}'; fix or remove it"
        ) from error
    raise DataError(
        f"expected {IMAGE_SIZE}x{IMAGE_SIZE} pixels; received {size[0]}x{size[1]} in '{name}'; "
        "resize it"
    )
