"""Files that a crash, a full disk or a link in the way cannot spoil."""

import errno
import os
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_UNSYNCED: Final = ".unsynced"


def read_plain(path: Path, largest: int) -> bytes:
    """The content of a plain file. A link, pipe or device of that name is never opened for reading.

    Args:
        path: which.
        largest: most bytes it may have.

    Raises:
        OSError: it is absent, unreadable, something else, or larger.
    """
    # Without O_NONBLOCK a pipe of that name would be waited for.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        if facts.st_size > largest:
            raise OSError(errno.EFBIG, f"{facts.st_size} bytes, more than {largest}")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(largest)
    finally:
        os.close(handle)


def write_synced(path: Path, content: bytes) -> None:
    """Replace `path` by `content`: a crash or a full disk leaves the old file or the new one, never
    a mixture."""
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
    sync(path.parent)


def move_all(moves: Sequence[tuple[Path, Path]]) -> None:
    """Move folders in this order; what the disk refuses half-way is taken back.

    Args:
        moves: each folder, and what it is to be.

    Raises:
        OSError: the disk refused; everything is where it was.
    """
    done: list[tuple[Path, Path]] = []
    try:
        for folder, target in moves:
            folder.rename(target)
            done.append((folder, target))
            for parent in {folder.parent, target.parent}:
                sync(parent)
    except OSError:
        for folder, target in reversed(done):
            with suppress(OSError):
                target.rename(folder)
        raise


def remove_temporary_files(folder: Path) -> None:
    """Remove what a killed `write_synced` left in `folder`; nobody else may be writing there."""
    for leftover in folder.glob(f".*{_UNSYNCED}"):
        leftover.unlink(missing_ok=True)


def sync_tree(folder: Path) -> None:
    """Flush every file and folder below `folder`, and `folder` itself, to the disk."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """Flush one file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
