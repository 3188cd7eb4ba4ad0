"""The ledger of a model: who let which version be served, when, and why. One line an event,
appended and synced, never edited.

It lies beside the versions (`<base>/ledger.jsonl`), where no server looks. What is served is read
from the folders, never from
here: a version that appeared without an entry (copied in by hand, a fresh clone, a crash after the
move) gets one when the next event is written, so the history has no gap.
"""

import datetime
import os
import pwd
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from digits.errors import StoreError, VersionError
from digits.manifest import read_manifest
from digits.store import folder_of, served

LEDGER: Final = "ledger.jsonl"

Event = Literal["publish", "hold", "promote", "rollback", "found"]


class Entry(BaseModel):
    """One event. All but `hold` change what is served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: str = Field(description="time, ISO 8601, UTC")
    who: str = Field(description="user who did it")
    event: Event = Field(
        description="hold: published but not served; found: served, and nobody told this ledger "
        "how that came"
    )
    version: int = Field(ge=1, description="the version it is about")
    before: int | None = Field(description="version served before")
    why: str = Field(description="reason given, or what was found")
    forced: bool = Field(default=False, description="served although checks refused it")
    refused: tuple[str, ...] = Field(default=(), description="what the checks that failed said")
    metrics: dict[str, dict[str, float]] = Field(
        default_factory=dict, description="the version's metrics, from its manifest"
    )


def read_entries(base: Path) -> list[Entry]:
    """The ledger of the model in `base`, oldest first. A last line that a crash cut short is left
    out.

    Raises:
        StoreError: the file cannot be read, or somebody edited it.
    """
    try:
        *lines, _cut_short = (base / LEDGER).read_bytes().split(b"\n")
        return [Entry.model_validate_json(line) for line in lines if line]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(
            f"expected a readable {LEDGER}; received: {error.strerror}; mend its permissions"
        ) from error
    except ValidationError as error:
        raise StoreError(
            f"expected the {LEDGER} that this project wrote; received an altered one; move it "
            "away, a new one is begun"
        ) from error


def write_entry(
    base: Path,
    event: Event,
    version: int,
    why: str,
    *,
    before: int | None,
    forced: bool = False,
    refused: Sequence[str] = (),
) -> None:
    """Append one event; the store must be locked.

    Args:
        base: folder of the model.
        event: what was done.
        version: to which version.
        why: the reason, for people.
        before: the version served before.
        forced: whether checks refused it and it was done all the same.
        refused: what those checks said.

    Raises:
        StoreError: the ledger cannot be read or written.
    """
    entry = Entry(
        at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        who=describe_user(),
        event=event,
        version=version,
        before=before,
        why=why,
        forced=forced,
        refused=tuple(refused),
        metrics=_metrics(base, version),
    )
    _append(base / LEDGER, entry.model_dump_json().encode() + b"\n")


def note_found(base: Path) -> None:
    """Write down what is served if the ledger does not know it; the store must be locked."""
    now = served(base)
    known = next(
        (entry.version for entry in reversed(read_entries(base)) if entry.event != "hold"), None
    )
    if now is not None and now != known:
        write_entry(
            base, "found", now, "was served already; came without an entry here", before=known
        )


def describe_user() -> str:
    """The name of the user whose process this is; in a container, often only the number is
    known."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _metrics(base: Path, version: int) -> dict[str, dict[str, float]]:
    try:
        return read_manifest(folder_of(base, version)).metrics
    except VersionError:
        return {}


def _append(path: Path, line: bytes) -> None:
    """One write at the end of the file, synced. What a crash cut short before was never written: it
    makes way."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            os.ftruncate(handle, path.read_bytes().rfind(b"\n") + 1)
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise StoreError(
            f"expected a {LEDGER} that can be written; received: {error.strerror}; "
            "the versions are as they should be, but this event is not noted"
        ) from error
