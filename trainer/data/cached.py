"""Arrays that take minutes to make, kept in a file: made once, then read."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digits.files import write_synced

Made = dict[str, npt.NDArray[Any]]


def read_or_make(
    path: Path | None, make: Callable[[], Mapping[str, npt.NDArray[Any]]], what: str
) -> Made:
    """The arrays in the file, or, where it is missing or damaged, those that `make` gives, which
    are kept there.

    Args:
        path: the file, named after everything that the arrays follow from; None keeps nothing.
        make: gives the arrays by their names.
        what: printed before they are made.

    A file that cannot be written is told and costs nothing but the time to make them again.
    """
    if path is not None and (found := _read(path)) is not None:
        return found
    print(what)
    made = dict(make())
    if path is not None:
        try:
            _keep(made, path)
        except OSError as error:
            print(f"not kept for the next time, since it cannot be written: {error}")
    return made


def _keep(made: Made, path: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **made)  # type: ignore[arg-type] # its flags are no names here
    path.parent.mkdir(parents=True, exist_ok=True)
    write_synced(path, buffer.getvalue())


def _read(path: Path) -> Made | None:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
