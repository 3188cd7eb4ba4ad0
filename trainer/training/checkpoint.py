"""Checkpoints: everything a training needs to go on as if it had never stopped, in one verified
file.

A file is the SHA-256 of the rest, then an .npz archive: every variable, and as JSON how far the
training has come and the run it belongs to. The order of the images is not in it: it follows from
seed and epoch.
"""

import hashlib
import io
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from digits.files import remove_temporary_files, write_synced
from trainer.errors import OutputError, ResumeError
from trainer.networks.history import Epoch

KEPT: Final = 2
"""A damaged newest checkpoint falls back to the one before."""
_PATTERN: Final = "epoch-*.checkpoint"
_DIGEST_BYTES: Final = hashlib.sha256().digest_size
_FACTS: Final = "facts"
"""Name of the JSON among the arrays."""

log = logging.getLogger(__name__)


class Variable(Protocol):
    """What is saved of a Keras variable; this module can be used, and killed in tests, without
    TensorFlow."""

    @property
    def shape(self) -> Sequence[int]:
        """Its size along each axis."""

    def numpy(self) -> npt.NDArray[Any]:
        """Its value."""

    def assign(self, value: npt.NDArray[Any]) -> object:
        """Set its value."""


Variables = Mapping[str, Sequence[Variable]]
"""By the part they belong to, such as `optimizer`; within a part in the order they were built."""


class Progress(BaseModel):
    """How far a training has come: the epochs behind it, and the sums over the steps of the one it
    is in."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    history: tuple[Epoch, ...] = Field(default=(), description="the finished epochs")
    steps: int = Field(default=0, ge=0, description="steps trained of the epoch after them")
    loss: float = Field(default=0, description="summed over the images of those steps, nats")
    correct: int = Field(default=0, ge=0, description="images of those steps that were read right")
    seconds: float = Field(default=0, ge=0, description="duration of those steps, s")


def save(
    folder: Path, variables: Variables, progress: Progress, identity: Mapping[str, Any]
) -> None:
    """Write a checkpoint, whole or not at all, and remove all but the last two.

    Args:
        folder: receives it; made if absent.
        variables: all that a training changes.
        progress: how far it has come.
        identity: what the checkpoint belongs to, as JSON has it: settings and digests of the data.

    Raises:
        OutputError: the folder cannot be written; the checkpoints before are still there.
    """
    arrays: dict[str, Any] = {name: variable.numpy() for name, variable in _named(variables)}
    arrays[_FACTS] = np.array(
        json.dumps({"identity": identity, "progress": progress.model_dump_json()})
    )
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    content = packed.getvalue()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_temporary_files(folder)
        name = f"epoch-{len(progress.history):05}-step-{progress.steps:07}.checkpoint"
        write_synced(folder / name, hashlib.sha256(content).digest() + content)
        for old in sorted(folder.glob(_PATTERN))[:-KEPT]:
            old.unlink()
    except OSError as error:
        raise OutputError(
            f"expected a run folder that can be written; received: {error.strerror}; make room "
            "and start again, it resumes"
        ) from error


def restore(folder: Path, variables: Variables, identity: Mapping[str, Any]) -> Progress:
    """Put the newest undamaged checkpoint into `variables`; says so where a newer one is damaged.

    Args:
        folder: where `save` put them.
        variables: as for `save`; left as they are where there is no checkpoint or it is refused.
        identity: as for `save`.

    Returns:
        How far that training had come; nothing done if there is no checkpoint.

    Raises:
        ResumeError: the checkpoint belongs to another run, or to another network.
    """
    newest_first = sorted(folder.glob(_PATTERN), reverse=True)
    for path in newest_first:
        content = _read(path)
        if hashlib.sha256(content[_DIGEST_BYTES:]).digest() == content[:_DIGEST_BYTES]:
            return _unpack(path.name, content[_DIGEST_BYTES:], variables, identity)
        log.warning("%s is damaged and left aside; going on from the one before", path.name)
    if newest_first:
        log.warning("no checkpoint is whole; the training begins anew")
    return Progress()


def _named(variables: Variables) -> Iterator[tuple[str, Variable]]:
    """Each variable with its name in the file."""
    for part, members in variables.items():
        for number, variable in enumerate(members):
            yield f"{part}/{number:03}", variable


def _read(path: Path) -> bytes:
    """The file's bytes; none, so damaged, where the disk does not give them."""
    try:
        return path.read_bytes()
    except OSError as error:
        log.warning("%s cannot be read: %s", path.name, error.strerror)
        return b""


def _unpack(
    name: str, content: bytes, variables: Variables, identity: Mapping[str, Any]
) -> Progress:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = dict(archive)
    if _FACTS not in arrays:
        raise ResumeError(
            f"expected a checkpoint of this version; received '{name}' of another; finish with "
            "that one or use another --run_dir"
        )
    facts = json.loads(str(arrays.pop(_FACTS)))
    _check_identity(name, facts["identity"], json.loads(json.dumps(identity)))
    named = dict(_named(variables))
    _check_shapes(name, arrays, named)
    for key, variable in named.items():
        variable.assign(arrays[key])
    return Progress.model_validate_json(facts["progress"])


def _check_identity(name: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    if differences := _differences(before, now):
        raise ResumeError(
            f"expected a checkpoint of this run; received '{name}' of another: "
            f"{'; '.join(differences)}; take it away, or use another --run_dir"
        )


def _check_shapes(
    name: str, arrays: dict[str, npt.NDArray[Any]], named: dict[str, Variable]
) -> None:
    there, here = (
        {key: tuple(value.shape) for key, value in group.items()} for group in (arrays, named)
    )
    if differences := _differences(there, here):
        raise ResumeError(
            f"expected the {len(here)} variables of this training; received '{name}' with "
            f"{len(there)}, of which {len(differences)} differ, first {differences[0]}; take it "
            "away, or use another --run_dir"
        )


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} {there.get(key)!r} there, {here.get(key)!r} here"
        for key in {**there, **here}
        if there.get(key) != here.get(key)
    ]
