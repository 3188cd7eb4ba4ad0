"""The model store: `<base>/<version>/`, one folder a version, never edited, never reused.

A version appears by one rename of a complete, synced folder, so no reader ever sees half of one.
Servers serve the highest number they see; a version that is not to be served waits, whole, in
`<base>/held/<version>/`, where none of them looks.
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
HELD: Final = "held"
"""Folder of the versions that are kept but not served. No server takes this name for a version."""
_STAGING: Final = ".staging-"
_UNSYNCED: Final = ".unsynced"
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
            return sorted(
                int(e.name)
                for e in entries
                if _VERSION_NAME.fullmatch(e.name) and e.is_dir(follow_symlinks=False)
            )
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(
            f"expected a readable model folder; received: {error.strerror}; check the path and "
            "its permissions"
        ) from error


def held(base: Path) -> list[int]:
    """The numbers of the versions that are kept below `base` but not served, ascending.

    Raises:
        StoreError: the folder is there but cannot be listed.
    """
    return versions(base / HELD)


def served(base: Path) -> int | None:
    """The version that servers serve from `base`: the highest number; none where there is none."""
    return max(versions(base), default=None)


def folder_of(base: Path, number: int) -> Path:
    """Where version `number` lies, served or held.

    Raises:
        StoreError: nowhere.
    """
    for place in (base, base / HELD):
        if number in versions(place):
            return place / str(number)
    known = ", ".join(str(known) for known in sorted({*versions(base), *held(base)})) or "none"
    raise StoreError(
        f"expected a version of '{base.name}' that is there ({known}); received {number}; see "
        "`make versions`"
    )


def publish(
    base: Path,
    write: Callable[[Path], None],
    hold: Callable[[Path], bool] = lambda _: False,
    record: Callable[[int, bool], None] = lambda _number, _held: None,
) -> int:
    """Make one new version below `base`: staged, verified, synced, then renamed into place.

    Args:
        base: folder of the model, made if absent.
        write: fills the empty folder it is given, manifest last; what it raises passes through.
        hold: looks at the verified folder before it appears; true keeps it from being served.
        record: told the number, and whether it is held, before anybody else may change the store.

    Returns:
        The new version's number.

    Raises:
        StoreError: the folder cannot be written, or what `write` left does not match its manifest.
    """
    with locked(base):
        with _in_words("nothing was published"):
            _sweep(base)
            staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=base))
            try:
                write(staging)
                verify(staging)
                staging.chmod(0o755)  # mkdtemp makes 0700; the server may be another user
                sync_tree(staging)
                back = hold(staging)
                number = _claim_next(base)
                _move(staging, (_held_folder(base) if back else base) / str(number))
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        record(number, back)
    return number


def switch(base: Path, number: int) -> None:
    """Make version `number` the one that is served; the store must be locked.

    It becomes the highest number below `base`: it is moved there, and higher ones are moved to
    `held/`. The moves are in an order in which only the last changes what is served, so whoever
    looks, or a crash in between, sees the old version or the new one.

    Raises:
        StoreError: there is no such version, or the folder cannot be written.
    """
    folder = folder_of(base, number)
    above = [other for other in versions(base) if other > number]
    with _in_words("mend it and do this again"):
        if folder.parent != base:
            _move(folder, base / str(number))
        for other in above:
            _move(base / str(other), _held_folder(base) / str(other))


def check_writable(base: Path) -> None:
    """Find out before the work is done whether a version can be published to `base`.

    Raises:
        StoreError: it cannot.
    """
    with locked(base):
        pass


@contextmanager
def _in_words(then: str) -> Iterator[None]:
    """Say what the disk refused, and what `then`."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"expected a model folder that can be written; received: {error.strerror}; {then}"
        ) from error


@contextmanager
def locked(base: Path) -> Iterator[None]:
    """Hold the store's lock, so that two publishers get two numbers. The kernel frees it if we are
    killed."""
    try:
        base.mkdir(parents=True, exist_ok=True)
        lock = os.open(base / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(
            f"expected a folder for models that can be written; received '{base}': "
            f"{error.strerror}; choose another or mend its permissions"
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
    sweep(base)


def _claim_next(base: Path) -> int:
    """The next number, above every one that is there or ever was; recorded before it is used."""
    record = base / _LAST
    try:
        last = int(record.read_text())
    except (FileNotFoundError, ValueError):
        last = 0
    number = max([last, *versions(base), *held(base)]) + 1
    # A plain file or a link of that name may be in the way; renaming onto it would fail.
    while any(os.path.lexists(place / str(number)) for place in (base, base / HELD)):
        number += 1
    write_synced(record, f"{number}\n".encode())
    return number


def _held_folder(base: Path) -> Path:
    folder = base / HELD
    if not folder.is_dir():
        folder.mkdir()
        _sync(base)
    return folder


def _move(folder: Path, target: Path) -> None:
    folder.rename(target)
    for parent in {folder.parent, target.parent}:
        _sync(parent)


def write_synced(path: Path, content: bytes) -> None:
    """Replace `path` by `content` so that a crash leaves the old file or the new one, never a
    mixture."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=_UNSYNCED, dir=path.parent)
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


def sweep(folder: Path) -> None:
    """Remove what a killed `write_synced` left in `folder`; nobody else may be writing there."""
    for leftover in folder.glob(f".*{_UNSYNCED}"):
        leftover.unlink(missing_ok=True)


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
