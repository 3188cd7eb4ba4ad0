"""Read the four IDX files of MNIST's own distribution, under the names that mirrors give them."""

import gzip
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from trainer.data.arrays import LARGEST_ARRAY, Found, Values
from trainer.errors import DataError

IDX_FILES: Final = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_GZIP: Final = b"\x1f\x8b"


def find_idx_folder(folder: Path) -> Path | None:
    """Where the IDX files lie: in `folder`, or below it as torchvision keeps them (`MNIST/raw`).

    Raises:
        DataError: several folders below have such files.
    """
    places = [folder, folder / "raw", *sorted(folder.glob("*/raw"))]
    found = [place for place in places if any(_path(place, file) for file in IDX_FILES.values())]
    if len(found) > 1 and found[0] != folder:
        names = ", ".join(f"'{place.relative_to(folder)}'" for place in found)
        raise DataError(f"expected one folder of IDX files; received {names}; give one of them")
    return found[0] if found else None


def read_idx_folder(folder: Path) -> Found:
    """Read the four IDX files, gzipped or not, whatever their ending says.

    Raises:
        DataError: one is absent, cut, or not an IDX file of bytes.
    """
    arrays: dict[str, Values] = {}
    for name, file in IDX_FILES.items():
        path = _path(folder, file)
        if path is None:
            raise DataError(
                f"expected '{file}' or '{file}.gz'; received a folder without it: '{folder}'; add "
                "the file"
            )
        arrays[name] = _read(path)
    others = sum(path.is_file() for path in folder.iterdir()) - len(IDX_FILES)
    place = "/".join(folder.parts[-2:]) if folder.name == "raw" else folder.name
    return Found(arrays, None, f"four IDX files in '{place}'", {"other files": others})


def _path(folder: Path, file: str) -> Path | None:
    dotted = file.replace("-idx", ".idx")
    names = (name + ending for name in (file, dotted) for ending in ("", ".gz"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read(path: Path) -> npt.NDArray[np.uint8]:
    """Source of the format: the IDX section of LeCun's MNIST page (0, 0, type 8 = uint8, number of
    axes, big-endian sizes)."""
    try:
        with _open(path) as file:
            shape = _read_shape(file, path.name)
            size = math.prod(shape)
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


def _open(path: Path) -> IO[bytes]:
    """Unpacked where the file is gzipped: browsers unpack files and leave the name."""
    with path.open("rb") as file:
        zipped = file.read(len(_GZIP)) == _GZIP
    opener: Callable[..., IO[bytes]] = gzip.open if zipped else open  # type: ignore[assignment]
    return opener(path, "rb")


def _read_shape(file: IO[bytes], name: str) -> tuple[int, ...]:
    zeros, kind, axes = struct.unpack(">HBB", file.read(4))
    if (zeros, kind) != (0, 8) or axes not in (1, 3):
        raise DataError(
            f"expected an IDX file of bytes with 1 or 3 axes; received '{name}' with "
            "other magic bytes; fetch it again"
        )
    shape = struct.unpack(f">{axes}I", file.read(4 * axes))
    if math.prod(shape) > LARGEST_ARRAY:
        raise DataError(
            f"expected an array below {LARGEST_ARRAY} bytes; received '{name}' declaring "
            f"{math.prod(shape)}; fetch it again"
        )
    return shape
