"""Load a set of 28x28 images: from a file or folder, else Keras' cache, else the network.

MNIST is recognised by its content, never by a file's name: the SHA-256 of its four decoded arrays.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from digits.contract import IMAGE_SIZE, LABELS
from trainer.data.arrays import Classes, Found, Images, Values
from trainer.data.npz import read_npz
from trainer.data.pixels import (
    NONE_ASKED_FOR,
    Conversion,
    check_polarity,
    check_range,
    share_with_bright_edge,
    to_bytes,
)
from trainer.data.readers import read_source
from trainer.errors import DataError

Arrays = dict[str, npt.NDArray[np.uint8]]
"""The four arrays by name, as uint8."""

_WORTH_SAYING: Final = 0.01
"""A share of images with a bright edge: few of MNIST's have one."""

MNIST: Final = "mnist"
MNIST_DIGESTS: Final = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
"""SHA-256 of each array's bytes, uint8, C order. Source: the mnist.npz that Keras downloads."""
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
        origin: what was read and what was left out, a sentence.
    """

    name: str
    labels: tuple[str, ...]
    x_train: Images
    y_train: Classes
    x_test: Images
    y_test: Classes
    digests: dict[str, str]
    origin: str = ""


def load(
    source: Path | None,
    name: str = MNIST,
    labels: tuple[str, ...] | None = None,
    cache: Path | None = None,
    conversion: Conversion = NONE_ASKED_FOR,
) -> DataSet:
    """Load a data set and check its content.

    Args:
        source: an .npz in Keras' layout, a folder with the four IDX files (gzipped or not), or a
            folder with one folder of images a label. None: Keras' cache, else download with a
            progress bar.
        name: "mnist" demands MNIST's exact content; any other name accepts any 28x28 set.
        labels: text of each class; by default the names of the image folders, else 0, 1, 2, …
        cache: where Keras keeps its files; by default `~/.keras/datasets`.
        conversion: of the pixels, as asked for; what looks as if it needs one is refused.

    Raises:
        DataError: it is absent, unreadable, or not what it should be.
    """
    found = (
        read_source(source, conversion)
        if source is not None
        else _read_cache_or_download(name, cache)
    )
    arrays = _convert(found, conversion)
    digests = {
        key: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        for key, value in arrays.items()
    }
    if name == MNIST:
        _check_mnist(digests)
    _check_pixels(arrays, conversion)
    chosen = labels or found.labels or (LABELS if name == MNIST else _numbered(arrays))
    _check_labels(arrays, chosen)
    return DataSet(
        name=name, labels=chosen, digests=digests, origin=_describe(found, arrays), **arrays
    )


def _convert(found: Found, conversion: Conversion) -> Arrays:
    """The four arrays in bytes."""
    _check_shapes(found.arrays)
    return {
        name: _as_classes(name, values)
        if name.startswith("y")
        else to_bytes(values, name, NONE_ASKED_FOR if found.is_converted else conversion)
        for name, values in found.arrays.items()
    }


def _as_classes(name: str, values: Values) -> Classes:
    low, high = (values.min(), values.max()) if values.dtype.kind in "iu" else (-1, -1)
    if low < 0 or high > np.iinfo(np.uint8).max:
        received = f"{values.dtype}" + (f" from {low} to {high}" if high >= 0 else "")
        raise DataError(
            f"expected {name} as integers 0..255, one class an image; received {received}; number "
            "the classes from 0"
        )
    return values.astype(np.uint8)


def _describe(found: Found, arrays: Arrays) -> str:
    """What was read and what was left out."""
    left_out = ", ".join(f"{count} {what}" for what, count in found.left_out.items() if count)
    bright = max(share_with_bright_edge(arrays[f"x_{part}"]) for part in ("train", "test"))
    said = f"; {bright:.1%} of them have a bright edge" if bright >= _WORTH_SAYING else ""
    return (
        f"read {len(arrays['y_train'])} training and {len(arrays['y_test'])} test images from "
        f"{found.taken}; left out: {left_out or 'nothing'}{said}"
    )


def _read_cache_or_download(name: str, cache: Path | None) -> Found:
    if name != MNIST:
        raise DataError(
            f"expected a file or folder for the data set '{name}'; received none; set DIGITS_DATA "
            "or --data"
        )
    cached = (cache or Path(os.path.expanduser("~"), ".keras", "datasets")) / "mnist.npz"
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


def _check_shapes(arrays: Mapping[str, Values]) -> None:
    for part in ("train", "test"):
        images, classes = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE):
            raise DataError(
                f"expected x_{part} as [n, {IMAGE_SIZE}, {IMAGE_SIZE}]; received "
                f"{list(images.shape)}; resize the images"
            )
        if classes.shape != images.shape[:1] or len(classes) == 0:
            raise DataError(
                f"expected one label an image in y_{part}; received {list(classes.shape)} for "
                f"{len(images)} images; complete the set"
            )


def _check_pixels(arrays: Arrays, conversion: Conversion) -> None:
    for name in ("x_train", "x_test"):
        check_range(arrays[name], name, conversion)
        check_polarity(arrays[name], name, conversion)


def _check_mnist(digests: dict[str, str]) -> None:
    for name, expected in MNIST_DIGESTS.items():
        if digests[name] != expected:
            raise DataError(
                f"expected MNIST's {name} with SHA-256 {expected[:12]}…; received "
                f"{digests[name][:12]}…; fetch it again, or name another data set with --dataset"
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
            f"expected {len(labels)} different labels; received {', '.join(labels)}; labels "
            "must be unique"
        )
