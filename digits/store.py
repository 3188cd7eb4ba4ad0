"""The model store: `<base>/<version>/`, one folder a version, never edited, never reused.

A version appears by one rename of a complete, synced folder, so no reader ever sees half of one.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from digits.errors import StoreError
from digits.manifest import verify

_VERSION_NAME: Final = re.compile(r"[1-9][0-9]{0,17}")
_STAGING: Final = ".staging-"
_LOCK: Final = ".lock"
_LAST: Final = ".last-version"
"""Holds the highest number ever given out, so that a deleted version's number is not used again."""


def versions(base: Path) -> list[int]:
    """The version numbers below `base`, ascending; an absent folder has none.

    Only real folders named `[1-9][0-9]{0,17}` count; everything else is ignored.

    Raises:
        StoreError: the folder is there but cannot be listed.
    """
    try:
        with os.scandir(base) as entries:
            return sorted(int(e.name) for e in entries if _VERSION_NAME.fullmatch(e.name) and e.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"expected a readable model folder; received: {error.strerror}; check the path and its permissions") from error


def publish(base: Path, write: Callable[[Path], None]) -> int:
    """Make one new version below `base`: staged, verified, synced, then renamed into place.

    Args:
        base: folder of the model, made if absent.
        write: fills the empty folder it is given, manifest last; what it raises passes through.

    Returns:
        The new version's number.

    Raises:
        StoreError: the folder cannot be written, or what `write` left does not match its manifest.
    """
    with _locked(base):
        _sweep(base)
        staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=base))
        try:
            write(staging)
            verify(staging)
            staging.chmod(0o755)  # mkdtemp makes 0700; the server may be another user
            sync_tree(staging)
            number = _claim_next(base)
            staging.rename(base / str(number))
            _sync(base)
        except OSError as error:
            raise StoreError(f"expected a model folder that can be written; received: {error.strerror}; nothing was published") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return number


def check_writable(base: Path) -> None:
    """Find out before the work is done whether a version can be published to `base`.

    Raises:
        StoreError: it cannot.
    """
    with _locked(base):
        pass


@contextmanager
def _locked(base: Path) -> Iterator[None]:
    """Hold the store's lock, so that two publishers get two numbers. The kernel frees it if we are killed."""
    try:
        base.mkdir(parents=True, exist_ok=True)
        lock = os.open(base / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(
            f"expected a folder for models that can be written; received '{base}': {error.strerror}; choose another or mend its permissions"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _sweep(base: Path) -> None:
    """Remove what a killed publisher left behind; the lock says that nobody is using it."""
    for leftover in base.glob(f"{_STAGING}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _claim_next(base: Path) -> int:
    """The next number, above every one that is there or ever was; recorded before it is used."""
    record = base / _LAST
    try:
        last = int(record.read_text())
    except (FileNotFoundError, ValueError):
        last = 0
    number = max([last, *versions(base)]) + 1
    while os.path.lexists(base / str(number)):  # a plain file or a link of that name; renaming onto it would fail
        number += 1
    write_synced(record, f"{number}\n".encode())
    return number


def write_synced(path: Path, content: bytes) -> None:
    """Replace `path` by `content` so that a crash leaves the old file or the new one, never a mixture."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync(path.parent)


def sync_tree(folder: Path) -> None:
    """Flush every file and folder below `folder`, and `folder` itself, to the disk."""
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
