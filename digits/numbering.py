"""The next version number: never one that was given out before, even if the record of it is
lost."""

import errno
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from digits.errors import StoreError
from digits.files import read_plain, write_synced
from digits.store import HELD, VERSION_NAME, held, versions

_log = logging.getLogger(__name__)

RECORD: Final = ".last-version"
"""Holds the highest number ever given out, so that a deleted version's number is not used again."""
_LARGEST_RECORD: Final = 32
"""Bytes; ours has 19 at most."""
_LARGEST_NUMBER: Final = 10**18 - 1
"""A folder with a longer name is no version, see `VERSION_NAME`."""
_NO_RECORD: Final = frozenset({errno.ELOOP, errno.EINVAL, errno.EFBIG})
"""A link, a pipe or a large file in its place; it is replaced."""


def claim_number(base: Path, known: Iterable[int]) -> int:
    """The next number, above every one that is there or ever was; recorded before it is used.

    Args:
        base: folder of the model; the store must be locked.
        known: numbers given out according to the ledger, should the record be lost.

    Raises:
        StoreError: there is no higher number.
        OSError: the disk refused.
    """
    number = max([_recorded(base), *versions(base), *held(base), *known]) + 1
    # A plain file or a link of that name may be in the way; renaming onto it would fail.
    while any(os.path.lexists(place / str(number)) for place in (base, base / HELD)):
        number += 1
    if number > _LARGEST_NUMBER:
        raise StoreError(
            f"expected version numbers of at most 18 digits; received {number} as the next one; "
            f"nothing was published; correct {RECORD}, the ledger or the highest folder's name"
        )
    write_synced(base / RECORD, f"{number}\n".encode())
    return number


def _recorded(base: Path) -> int:
    """What the record says; 0 where there is none, or something else."""
    try:
        text = read_plain(base / RECORD, _LARGEST_RECORD).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return 0
    except OSError as error:
        if error.errno not in _NO_RECORD:
            raise
        text = ""
    if VERSION_NAME.fullmatch(text):
        return int(text)
    _log.warning("%s holds no version number; it is written anew", RECORD)
    return 0
