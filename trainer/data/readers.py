"""Read the layouts that a set of 28x28 images comes in: .npz, IDX files, folders of PNGs. Bytes in,
arrays out."""

import gzip
import math
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from digits.contract import IMAGE_SIZE
from trainer.errors import DataError

ARRAYS: Final = ("x_train", "y_train", "x_test", "y_test")
IDX_FILES: Final = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
LARGEST_ARRAY: Final = 1 << 30
"""Bytes an array may decode to, so that a lying header or a zip bomb cannot fill the memory;
MNIST's largest has 47 MB."""
PNG_TEST_EVERY: Final = 6
"""A folder of PNGs without `train/` and `test/`: every sixth image of a label tests, as 10,000 of
MNIST's 70,000 do about."""

Images = npt.NDArray[np.uint8]
"""uint8 [n, 28, 28], 0..255, ink bright on dark."""
Classes = npt.NDArray[np.uint8]
"""uint8 [n], index into the labels."""
Arrays = dict[str, npt.NDArray[np.uint8]]
"""The four arrays by name, not yet checked: images of any shape, classes of any number."""


def read_source(source: Path) -> tuple[Arrays, tuple[str, ...] | None]:
    """Read a file or folder in whichever of the layouts it has.

    Returns:
        The four arrays, and the labels where the layout names them.

    Raises:
        DataError: it is absent, unreadable or none of the layouts.
    """
    if source.is_file():
        return read_npz(source), None
    if not source.is_dir():
        raise DataError(
            f"expected a data file or folder; received '{source}', which is not there; check "
            "DIGITS_DATA or --data"
        )
    if any(_idx_path(source, file) for file in IDX_FILES.values()):
        return read_idx_folder(source), None
    return read_png_folder(source)


def read_npz(path: Path) -> Arrays:
    """Read an .npz with x_train, y_train, x_test, y_test, as Keras lays them out.

    Raises:
        DataError: it is not such a file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            largest = max((member.file_size for member in archive.infolist()), default=0)
        if largest > LARGEST_ARRAY:
            raise DataError(
                f"expected arrays below {LARGEST_ARRAY} bytes; received {largest} in "
                f"'{path.name}'; use another file"
            )
        with np.load(path, allow_pickle=False) as archive:
            return {name: _as_uint8(name, archive[name]) for name in ARRAYS}
    except KeyError as error:
        raise DataError(
            f"expected the arrays {', '.join(ARRAYS)}; received '{path.name}' without one of "
            f"them: {error}"
        ) from error
    except (
        OSError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
    ) as error:
        raise DataError(
            f"expected a readable .npz file; received '{path}': {error}; fetch it again"
        ) from error


def read_idx_folder(folder: Path) -> Arrays:
    """Read the four IDX files of MNIST's own distribution, gzipped or not.

    Raises:
        DataError: one is absent, cut, or not an IDX file of bytes.
    """
    arrays = {}
    for name, file in IDX_FILES.items():
        path = _idx_path(folder, file)
        if path is None:
            raise DataError(
                f"expected '{file}' or '{file}.gz'; received a folder without it: '{folder}'; add "
                "the file"
            )
        arrays[name] = _read_idx(path)
    return arrays


def _idx_path(folder: Path, file: str) -> Path | None:
    return next((folder / name for name in (file, f"{file}.gz") if (folder / name).is_file()), None)


def _read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Source of the format: the IDX section of LeCun's MNIST page (0, 0, type 8 = uint8, number of
    axes, big-endian sizes)."""
    opener: Callable[..., gzip.GzipFile] = gzip.open if path.suffix == ".gz" else open  # type: ignore[assignment]
    try:
        with opener(path, "rb") as file:
            zeros, kind, axes = struct.unpack(">HBB", file.read(4))
            if (zeros, kind) != (0, 8) or axes not in (1, 3):
                raise DataError(
                    f"expected an IDX file of bytes with 1 or 3 axes; received '{path.name}' with "
                    "other magic bytes; fetch it again"
                )
            shape = struct.unpack(f">{axes}I", file.read(4 * axes))
            size = math.prod(shape)
            if size > LARGEST_ARRAY:
                raise DataError(
                    f"expected an array below {LARGEST_ARRAY} bytes; received '{path.name}' "
                    f"declaring {size}; fetch it again"
                )
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise DataError(
            f"expected a readable IDX file; received '{path.name}': {error}; fetch it again"
        ) from error
    if len(content) != size:
        raise DataError(
            f"expected {size} bytes of values; received "
            f"{'more' if len(content) > size else len(content)} in '{path.name}'; fetch it again"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def read_png_folder(folder: Path) -> tuple[Arrays, tuple[str, ...]]:
    """Read one folder of 28x28 PNGs a label, either below `train/` and `test/`, or directly.

    Returns:
        The four arrays, and the labels: the folders' names, sorted.

    Raises:
        DataError: there are no PNGs, or one is not 28x28.
    """
    parts = {part: folder / part for part in ("train", "test")}
    if all(path.is_dir() for path in parts.values()):
        labels = _label_names(parts["train"])
        found = {part: read_label_folders(path, labels) for part, path in parts.items()}
    else:
        labels = _label_names(folder)
        images, classes = read_label_folders(folder, labels)
        place = np.concatenate(
            [np.arange(np.count_nonzero(classes == c)) for c in range(len(labels))]
        )
        tests = place % PNG_TEST_EVERY == PNG_TEST_EVERY - 1
        found = {
            "train": (images[~tests], classes[~tests]),
            "test": (images[tests], classes[tests]),
        }
    return {
        f"{axis}_{part}": found[part][i] for part in found for i, axis in enumerate("xy")
    }, labels


def _label_names(folder: Path) -> tuple[str, ...]:
    names = tuple(
        sorted(path.name for path in folder.iterdir() if path.is_dir() and any(path.glob("*.png")))
    )
    if not names:
        raise DataError(
            "expected an .npz file, the four IDX files, or one folder of PNGs a label; "
            f"received '{folder}' with none of them; check DIGITS_DATA or --data"
        )
    return names


def read_label_folders(folder: Path, labels: tuple[str, ...]) -> tuple[Images, Classes]:
    """Read the 28x28 PNGs in the folders that have the labels' names; some may be absent.

    Raises:
        DataError: there are none at all, or one is not 28x28.
    """
    paths = [
        (path, number)
        for number, label in enumerate(labels)
        for path in sorted((folder / label).glob("*.png"))
    ]
    if not paths:
        raise DataError(
            f"expected PNGs in one folder a label; received none below '{folder.name}'; check "
            "DIGITS_DATA or --data"
        )
    return np.stack([_read_png(path) for path, _ in paths]), np.array(
        [number for _, number in paths], np.uint8
    )


def _read_png(path: Path) -> Images:
    try:
        with Image.open(path, formats=["PNG"]) as image:
            size = image.size
            if size == (IMAGE_SIZE, IMAGE_SIZE):
                return np.asarray(image.convert("L"))
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise DataError(
            f"expected a readable PNG; received '{path.parent.name}/{path.name}'; mend or remove it"
        ) from error
    raise DataError(
        f"expected {IMAGE_SIZE}x{IMAGE_SIZE} pixels; received {size[0]}x{size[1]} in "
        f"'{path.parent.name}/{path.name}'; resize it"
    )


def _as_uint8(name: str, array: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array  # type: ignore[return-value]
    if (
        array.dtype.kind in "iu"
        and array.size
        and array.min() >= 0
        and array.max() <= np.iinfo(np.uint8).max
    ):
        return array.astype(np.uint8)
    raise DataError(
        f"expected {name} as integers 0..255; received {array.dtype}; convert it to uint8"
    )
