"""Read an .npz file as Keras lays MNIST out. Its headers are checked before anything is
allocated."""

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Final

from numpy.lib import format as npy

from trainer.data.arrays import LARGEST_ARRAY, NAMES, Found, Values
from trainer.errors import DataError

_UNREADABLE: Final = (
    OSError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    MemoryError,
)
"""A RuntimeError is zipfile's: the archive is encrypted, or compressed in a way that it lacks."""
_MAGIC: Final = {
    b"\x93NUMPY": "a single array (.npy); put the four arrays into one .npz file",
    b"\x1f\x8b": "a gzip file; for IDX files give their folder",
    b"\x00\x00\x08": "an IDX file; give the folder with all four of them",
    b"\x89PNG": "one PNG; give the folder with one folder of images a label",
    b"\xff\xd8\xff": "one JPEG; give the folder with one folder of images a label",
    b"\x89HDF": "an HDF5 file; convert it to .npz",
    b"PAR1": "a Parquet file; convert it to .npz",
    b"<": "a web page; the download failed, fetch it again",
}
_BEGINNING: Final = 2048
"""Bytes of a file that tell what it is."""


def read_npz(path: Path) -> Found:
    """Read an .npz with x_train, y_train, x_test, y_test.

    Raises:
        DataError: it is not such a file, or one of its arrays is too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {name: _read(archive, name, path) for name in NAMES}
    except _UNREADABLE as error:
        raise DataError(_refusal(path, error)) from error
    return Found(arrays, None, f"four arrays in '{path.name}'", {})


def _read(archive: zipfile.ZipFile, name: str, path: Path) -> Values:
    if f"{name}.npy" not in archive.namelist():
        there = ", ".join(archive.namelist()[:8]) or "nothing"
        raise DataError(
            f"expected the arrays {', '.join(NAMES)}; received '{path.name}' without {name}, with "
            f"{there}; rename them, or unpack an archive of images and give its folder"
        )
    with archive.open(f"{name}.npy") as member:
        _check_header(member, archive.getinfo(f"{name}.npy").file_size, f"{name} in '{path.name}'")
    with archive.open(f"{name}.npy") as member:
        return npy.read_array(member, allow_pickle=False)


def _check_header(member: IO[bytes], size: int, name: str) -> None:
    """Compare what the header promises with what the archive has."""
    version = npy.read_magic(member)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(member)
    promised = math.prod(shape) * dtype.itemsize
    if promised > LARGEST_ARRAY or size > LARGEST_ARRAY:
        raise DataError(
            f"expected arrays below {LARGEST_ARRAY} bytes; received {max(promised, size)} for "
            f"{name}; use another file"
        )


def _refusal(path: Path, error: BaseException) -> str:
    """What the file is instead, as far as its first bytes tell."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError:
        beginning = b""
    for magic, what in _MAGIC.items():
        if beginning.lstrip().startswith(magic) if magic == b"<" else beginning.startswith(magic):
            return f"expected a readable .npz file; received '{path.name}', {what}"
    if _is_table(beginning):
        return (
            f"expected a readable .npz file; received '{path.name}', a table of text (CSV); "
            "convert it: np.savez('set.npz', x_train=…, y_train=…, x_test=…, y_test=…) with "
            "images of 28x28"
        )
    return f"expected a readable .npz file; received '{path.name}': {error}; fetch it again"


def _is_table(beginning: bytes) -> bool:
    first = beginning.splitlines()[0] if beginning else b""
    text = all(byte >= ord(" ") or byte == ord("\t") for byte in first)
    return text and max(first.count(mark) for mark in (b",", b";", b"\t")) > 1
