"""Load a set of 28x28 images: from a file or folder, else Keras' cache, else the network.

MNIST is recognised by its content, never by a file's name: the SHA-256 of its four decoded arrays.
"""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from digits.contract import IMAGE_SIZE, LABELS
from trainer.data.readers import Arrays, Classes, Images, read_npz, read_source
from trainer.errors import DataError

MNIST: Final = "mnist"
MNIST_DIGESTS: Final = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
"""SHA-256 of each array's bytes, uint8, C order. Source: DESIGN section 3."""
KERAS_FILE: Final = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
KERAS_FILE_SHA256: Final = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
"""Source: keras/src/datasets/mnist.py."""


@dataclass(frozen=True)
class DataSet:
    """One set of labelled images.

    Attributes:
        name: "mnist" or what the user called it.
        labels: text of each class.
        x_train, x_test: uint8 [n, 28, 28], 0..255.
        y_train, y_test: uint8 [n], index into `labels`.
        digests: SHA-256 of each array, by its name.
    """

    name: str
    labels: tuple[str, ...]
    x_train: Images
    y_train: Classes
    x_test: Images
    y_test: Classes
    digests: dict[str, str]


def load(
    source: Path | None,
    name: str = MNIST,
    labels: tuple[str, ...] | None = None,
    cache: Path | None = None,
) -> DataSet:
    """Load a data set and check its content.

    Args:
        source: an .npz in Keras' layout, a folder with the four IDX files (gzipped or not), or a
            folder with one folder of PNGs a label. None: Keras' cache, else download with a
            progress bar.
        name: "mnist" demands MNIST's exact content; any other name accepts any 28x28 set.
        labels: text of each class; by default the names of the PNG folders, else 0, 1, 2, …
        cache: where Keras keeps its files; by default `~/.keras/datasets`.

    Raises:
        DataError: it is absent, unreadable, or not what it should be.
    """
    arrays, found_labels = (
        read_source(source) if source is not None else (_read_cache_or_download(name, cache), None)
    )
    digests = {
        key: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        for key, value in arrays.items()
    }
    _check_arrays(arrays)
    if name == MNIST:
        _check_mnist(digests)
    chosen = labels or found_labels or (LABELS if name == MNIST else _numbered(arrays))
    _check_labels(arrays, chosen)
    return DataSet(name=name, labels=chosen, digests=digests, **arrays)


def _read_cache_or_download(name: str, cache: Path | None) -> Arrays:
    if name != MNIST:
        raise DataError(
            f"expected a file or folder for the data set '{name}'; received none; set DIGITS_DATA "
            "or --data"
        )
    cached = (cache or Path.home() / ".keras" / "datasets") / "mnist.npz"
    if not cached.is_file():
        _download(cached)
    return read_npz(cached)


def _download(target: Path) -> None:
    """Fetch Keras' MNIST file with a progress bar; `target` appears whole and verified, or not at
    all."""
    import keras  # noqa: PLC0415 - three seconds of import that a local file does not need

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as staging:
            found = keras.utils.get_file(
                target.name,
                KERAS_FILE,
                file_hash=KERAS_FILE_SHA256,
                cache_dir=staging,
                cache_subdir="",
            )
            Path(found).replace(target)
    except Exception as error:  # get_file raises a plain Exception when the network fails
        raise DataError(
            "expected to download MNIST, since neither DIGITS_DATA nor Keras' cache has it; "
            f"received: {error}; set DIGITS_DATA to a local copy (.npz, IDX files or PNG folders)"
        ) from error


def _check_arrays(arrays: Arrays) -> None:
    for part in ("train", "test"):
        images, classes = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if images.ndim != 3 or images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE):  # noqa: PLR2004 - [n, rows, columns]
            raise DataError(
                f"expected x_{part} as [n, {IMAGE_SIZE}, {IMAGE_SIZE}]; received "
                f"{list(images.shape)}; resize the images"
            )
        if classes.shape != images.shape[:1] or len(classes) == 0:
            raise DataError(
                f"expected one label an image in y_{part}; received {list(classes.shape)} for "
                f"{len(images)} images; mend the set"
            )


def _check_mnist(digests: dict[str, str]) -> None:
    for name, expected in MNIST_DIGESTS.items():
        if digests[name] != expected:
            raise DataError(
                f"expected MNIST's {name} with SHA-256 {expected[:12]}…; received "
                f"{digests[name][:12]}…; "
                "fetch it again, or name another data set with --dataset"
            )


def _numbered(arrays: Arrays) -> tuple[str, ...]:
    return tuple(str(number) for number in range(int(arrays["y_train"].max()) + 1))


def _check_labels(arrays: Arrays, labels: tuple[str, ...]) -> None:
    largest = int(max(arrays["y_train"].max(), arrays["y_test"].max()))
    if largest >= len(labels):
        raise DataError(
            f"expected classes below {len(labels)}, one a label; received class {largest}; give "
            "all labels with --labels"
        )
    if len(set(labels)) != len(labels):
        raise DataError(
            f"expected {len(labels)} different labels; received {', '.join(labels)}; rename the "
            "doubles"
        )
