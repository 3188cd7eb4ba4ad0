"""Whether MNIST is here and is MNIST, with the standard library only: the part of `make doctor`
that reads data.

The digests stand in `trainer/data/dataset.py`, which cannot be imported before NumPy is installed;
they are read from its text.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import zipfile
from pathlib import Path
from typing import IO

_CHUNK = 1 << 20
_IDX_HEADERS = {"x": 16, "y": 8}
"""Bytes before the values of an IDX file of images and of labels. Source: LeCun, Cortes, Burges,
the MNIST page."""
_IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def check_data(named: str, root: Path, cache: Path) -> tuple[bool, str]:
    """Whether a training has data, and whose.

    Args:
        named: what DIGITS_DATA names; may be empty.
        root: the project's folder.
        cache: where Keras keeps data sets.

    Returns:
        Whether it does, and a sentence.
    """
    source = Path(named) if named else cache / "mnist.npz"
    if not named and not source.exists():
        return (
            True,
            "MNIST is not here yet: it will be downloaded (11 MB), or name a copy: "
            "DIGITS_DATA=/path/to/mnist.npz",
        )
    if not source.exists():
        return False, f"DIGITS_DATA names '{named}', which is not there; fix the path"
    try:
        found = _digests(source)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        return (
            False,
            f"the data in '{source}' cannot be read ({type(error).__name__}: {error}); fetch it "
            "again",
        )
    if found is None:
        return (
            True,
            f"the data in '{source}' is a folder of pictures; it is checked when it is read",
        )
    wrong = sorted(name for name, digest in _expected(root).items() if found.get(name) != digest)
    if wrong:
        return (
            False,
            f"the data in '{source}' is not MNIST ({', '.join(wrong)} differ); fetch it again, or "
            "give it a name: --dataset NAME",
        )
    return True, f"MNIST is in '{source}', and is MNIST, by the digest of each array"


def _expected(root: Path) -> dict[str, str]:
    for node in ast.parse(
        (root / "trainer" / "data" / "dataset.py").read_text(encoding="utf-8")
    ).body:
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id == "MNIST_DIGESTS"
            and node.value
        ):
            digests: dict[str, str] = ast.literal_eval(node.value)
            return digests
    raise AssertionError("trainer/data/dataset.py holds MNIST_DIGESTS")


def _digests(source: Path) -> dict[str, str] | None:
    """SHA-256 of the values of each array; none for a folder that is neither IDX nor an archive."""
    if source.is_file():
        with zipfile.ZipFile(source) as archive:
            return {name: _digest_npy(archive, f"{name}.npy") for name in _IDX_FILES}
    paths = {name: _idx_path(source, file) for name, file in _IDX_FILES.items()}
    if not any(paths.values()):
        return None
    return {name: _digest_idx(path, _IDX_HEADERS[name[0]]) for name, path in paths.items() if path}


def _idx_path(folder: Path, file: str) -> Path | None:
    return next((path for path in (folder / file, folder / f"{file}.gz") if path.is_file()), None)


def _digest_npy(archive: zipfile.ZipFile, name: str) -> str:
    """An .npy file is six fixed bytes, two of version, the length of a text, the text, the values.
    Source: NumPy's format page."""
    with archive.open(name) as file:
        start = file.read(8)
        if start[:6] != b"\x93NUMPY":
            raise ValueError(f"'{name}' is no array")
        length = int.from_bytes(file.read(2 if start[6] == 1 else 4), "little")
        file.read(length)
        return _digest(file)


def _digest_idx(path: Path, header: int) -> str:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        file.read(header)
        return _digest(file)


def _digest(file: IO[bytes] | gzip.GzipFile) -> str:
    digest = hashlib.sha256()
    while block := file.read(_CHUNK):
        digest.update(block)
    return digest.hexdigest()
