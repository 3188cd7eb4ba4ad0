"""Checkpoints: everything a training needs to go on as if it had never stopped, in one verified file an epoch.

A file is the SHA-256 of the rest, then an .npz archive with every variable of model and optimizer
(the dropout seeds among them) and the history. The order of the images is not in it: it follows from
seed and epoch.
"""

import hashlib
import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import keras
import numpy as np

from digits.store import write_synced
from trainer.errors import OutputError
from trainer.history import Epoch, History

KEPT: Final = 2
"""A damaged newest checkpoint falls back to the one before."""
_PATTERN: Final = "epoch-*.checkpoint"
_DIGEST_BYTES: Final = hashlib.sha256().digest_size

log = logging.getLogger(__name__)


def save(folder: Path, variables: Sequence[keras.Variable], history: History) -> None:
    """Write the checkpoint of the last epoch in `history`, whole or not at all, and remove all but the last two.

    Raises:
        OutputError: the folder cannot be written.
    """
    arrays = {f"variable{number}": variable.numpy() for number, variable in enumerate(variables)}
    packed = io.BytesIO()
    np.savez(packed, history=np.array([epoch.model_dump_json() for epoch in history]), **arrays)
    content = packed.getvalue()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_synced(folder / f"epoch-{len(history):05}.checkpoint", hashlib.sha256(content).digest() + content)
        for old in sorted(folder.glob(_PATTERN))[:-KEPT]:
            old.unlink()
    except OSError as error:
        raise OutputError(
            f"expected a run folder that can be written; received: {error.strerror}; make room and start again, it resumes"
        ) from error


def restore(folder: Path, variables: Sequence[keras.Variable]) -> History:
    """Put the newest undamaged checkpoint into `variables`.

    Returns:
        The history up to it; empty if there is none.
    """
    for path in sorted(folder.glob(_PATTERN), reverse=True):
        content = path.read_bytes()
        if hashlib.sha256(content[_DIGEST_BYTES:]).digest() == content[:_DIGEST_BYTES]:
            return _unpack(content[_DIGEST_BYTES:], variables)
        log.warning("%s is damaged and left aside; going on from the one before", path.name)
    return []


def _unpack(content: bytes, variables: Sequence[keras.Variable]) -> History:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        for number, variable in enumerate(variables):
            variable.assign(archive[f"variable{number}"])
        return [Epoch.model_validate_json(str(line)) for line in archive["history"]]
