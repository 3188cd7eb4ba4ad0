"""The model store: `<base>/<version>/`, one folder a version, never edited, never reused.

A version appears by one rename of a complete, synced folder, so no reader ever sees half of one.
Servers serve the highest number they see; a version that is not to be served waits, whole, in
`<base>/held/<version>/`, where none of them looks.
"""

import fcntl
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from digits.errors import StoreError
from digits.files import move_all, remove_temporary_files, sync, sync_tree
from digits.manifest import verify

_log = logging.getLogger(__name__)

VERSION_NAME: Final = re.compile(r"[1-9][0-9]{0,17}")
HELD: Final = "held"
"""Folder of the versions that are kept but not served. No server takes this name for a version."""
_STAGING: Final = ".staging-"
_LOCK: Final = ".lock"


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
                if VERSION_NAME.fullmatch(e.name) and e.is_dir(follow_symlinks=False)
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
        StoreError: the folder is there but cannot be listed, or is a link.
    """
    if (base / HELD).is_symlink():
        raise StoreError(
            f"expected '{HELD}' to be a folder; received a link; put the folder itself there"
        )
    return versions(base / HELD)


def served(base: Path) -> int | None:
    """The version that servers serve from `base`: the highest number; none where there is none."""
    return max(versions(base), default=None)


def served_folder(base: Path) -> Path | None:
    """The folder of the version that servers serve from `base`, if there is one."""
    number = served(base)
    return None if number is None else base / str(number)


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


@contextmanager
def locked(base: Path) -> Iterator[None]:
    """Lock the store, so that two publishers get two numbers. The kernel unlocks it if we are
    killed."""
    try:
        base.mkdir(parents=True, exist_ok=True)
        lock = os.open(base / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise StoreError(
            f"cannot write to the folder for models '{base}': {error.strerror}; nothing was "
            "changed; choose another folder, or free space or set its permissions"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def check_writable(base: Path) -> None:
    """Find out before the work is done whether a version can be published to `base`.

    Raises:
        StoreError: it cannot.
    """
    with locked(base):
        pass


@contextmanager
def refused_as(outcome: str) -> Iterator[None]:
    """Turn what the disk refuses into a sentence that says what came of it.

    Args:
        outcome: for example "nothing was published".

    Raises:
        StoreError: the disk refused.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write to the model folder: {error.strerror or error}; {outcome}; free space "
            "or set its permissions, then do this again"
        ) from error


def tidy(base: Path) -> None:
    """Remove what a killed publisher left, and repair a number that lies in two places; the store
    must be locked."""
    for leftover in base.glob(f"{_STAGING}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    remove_temporary_files(base)
    for number in in_both_places(base):
        folder = base / HELD / str(number)
        aside = _free_name(folder)
        move_all([(folder, aside)])
        _log.warning(
            "version %d of '%s' was in '%s' too; that copy is '%s/%s' now: compare the two and "
            "delete it",
            *(number, base.name, HELD, HELD, aside.name),
        )


def in_both_places(base: Path) -> list[int]:
    """Numbers that lie in `base` and in `held/`, as a copy made by hand does, ascending."""
    return sorted({*versions(base)} & {*held(base)})


def _free_name(folder: Path) -> Path:
    aside, count = folder.with_name(f"{folder.name}.duplicate"), 1
    while os.path.lexists(aside):
        count += 1
        aside = folder.with_name(f"{folder.name}.duplicate-{count}")
    return aside


@contextmanager
def staged(base: Path) -> Iterator[Path]:
    """An empty folder to write a version into, gone afterwards if it was not moved; the store must
    be locked.

    Raises:
        StoreError: the disk refused, here or inside the `with` statement.
    """
    with refused_as("nothing was published"):
        staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=base))
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def seal(staging: Path) -> None:
    """Verify a complete version folder and flush it to the disk.

    Raises:
        VersionError: it does not match its manifest.
        OSError: the disk refused.
    """
    verify(staging)
    staging.chmod(0o755)  # a staging folder is made with 0700; the server may be another user
    sync_tree(staging)


def place(staging: Path, base: Path, number: int, *, hold: bool) -> None:
    """Let a sealed folder appear as version `number`, served or held; the store must be locked.

    Raises:
        OSError: the disk refused; nothing appeared.
    """
    move_all([(staging, (_held_folder(base) if hold else base) / str(number))])


def switch(base: Path, number: int) -> None:
    """Make version `number` the one that is served; the store must be locked.

    It becomes the highest number below `base`: it is moved there, and higher ones are moved to
    `held/`. The moves are in an order in which only the last changes what is served, so whoever
    looks, or a crash in between, sees the old version or the new one.

    Raises:
        StoreError: there is no such version.
        OSError: the disk refused; everything is where it was.
    """
    folder = folder_of(base, number)
    above = [other for other in versions(base) if other > number]
    moves = [] if folder.parent == base else [(folder, base / str(number))]
    if above:
        away = _held_folder(base)
        moves += [(base / str(other), away / str(other)) for other in above]
    move_all(moves)


def _held_folder(base: Path) -> Path:
    folder = base / HELD
    if not folder.is_dir():
        folder.mkdir()
        sync(base)
    return folder
