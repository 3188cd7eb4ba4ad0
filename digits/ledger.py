"""The ledger of a model: who let which version be served, when, and why. One line an event, never
edited.

It lies beside the versions (`<base>/ledger.jsonl`), where no server looks. What is served is read
from the folders, never from here. An event is written whole to `.ledger-next.jsonl` before anything
moves, and becomes the ledger by one rename after: a full disk refuses it while nothing has moved,
and after a crash the folders say whether it happened. A version that appeared without an entry
(copied in by hand, a fresh clone) gets one when the next event is written, so the history has no
gap.
"""

import datetime
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from digits.errors import StoreError, VersionError
from digits.files import read_plain, sync, write_synced
from digits.manifest import read_manifest
from digits.store import held, served

LEDGER: Final = "ledger.jsonl"
NEXT: Final = ".ledger-next.jsonl"
"""The ledger with one event more, which may not have happened yet."""
_LARGEST: Final = 64 << 20
"""Bytes of a ledger; an event has about one KiB."""

Event = Literal["publish", "hold", "promote", "rollback", "found"]


class Entry(BaseModel):
    """One event. All but `hold` change what is served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: str = Field(description="time, ISO 8601, UTC")
    who: str = Field(description="user who did it")
    event: Event = Field(
        description="hold: published but not served; found: served, and this ledger was not "
        "there when it happened"
    )
    version: int = Field(ge=1, description="the version it is about")
    before: int | None = Field(description="version served before")
    why: str = Field(description="reason given, or what was found")
    forced: bool = Field(default=False, description="served although checks refused it")
    refused: tuple[str, ...] = Field(default=(), description="what the checks that failed said")
    metrics: dict[str, dict[str, float]] = Field(
        default_factory=dict, description="the version's metrics, from its manifest"
    )


def describe(
    event: Event,
    version: int,
    why: str,
    *,
    before: int | None,
    metrics: dict[str, dict[str, float]],
    forced: bool = False,
    refused: tuple[str, ...] = (),
) -> Entry:
    """An event of now, by the present user; the arguments are the fields of `Entry`."""
    return Entry(
        at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        who=describe_user(),
        event=event,
        version=version,
        before=before,
        why=why,
        forced=forced,
        refused=refused,
        metrics=metrics,
    )


def read_entries(base: Path) -> list[Entry]:
    """The ledger of the model in `base`, oldest first, with an event that a crash left in
    `.ledger-next.jsonl` if it happened.

    Raises:
        StoreError: the file cannot be read, is a link, or was edited.
    """
    upcoming = _entries(base / NEXT)
    if upcoming and _happened(base, upcoming[-1]):
        return upcoming
    return _entries(base / LEDGER)


@contextmanager
def noted(base: Path, entry: Entry) -> Iterator[None]:
    """Write an event down, let it happen, and make it part of the ledger; the store must be locked.

    Args:
        base: folder of the model.
        entry: what the body of the `with` statement does.

    Raises:
        StoreError: the ledger cannot be read or written. If the body has not run, nothing has
            changed.
    """
    try:
        write_synced(base / NEXT, _read(base / LEDGER) + entry.model_dump_json().encode() + b"\n")
    except OSError as error:
        raise _refusal(error, "nothing was moved") from error
    try:
        yield
    finally:
        _keep_or_drop(base, entry)


def settle(base: Path) -> None:
    """Keep the event in `.ledger-next.jsonl` if it happened, else drop it; the store must be
    locked.

    Raises:
        StoreError: the ledger cannot be read or written.
    """
    upcoming = _entries(base / NEXT)
    if upcoming:
        _keep_or_drop(base, upcoming[-1])


def _keep_or_drop(base: Path, entry: Entry) -> None:
    """Make `.ledger-next.jsonl`, which ends with `entry`, the ledger if that happened."""
    try:
        if _happened(base, entry):
            os.replace(base / NEXT, base / LEDGER)
            sync(base)
        else:
            (base / NEXT).unlink(missing_ok=True)
    except OSError as error:
        raise _refusal(
            error, f"the versions are as `make versions` shows, and the line waits in {NEXT}"
        ) from error


def note_found(base: Path) -> None:
    """Write down what is served if the ledger does not know it; the store must be locked."""
    now = served(base)
    known = next(
        (entry.version for entry in reversed(read_entries(base)) if entry.event != "hold"), None
    )
    if now is not None and now != known:
        found = describe(
            "found",
            now,
            "was served already; came without an entry here",
            before=known,
            metrics=metrics_of(base / str(now)),
        )
        with noted(base, found):
            pass


def describe_user() -> str:
    """The name of the user whose process this is; in a container, often only the number is
    known."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _happened(base: Path, entry: Entry) -> bool:
    if entry.event == "hold":
        return entry.version in held(base)
    return entry.version == served(base)


def metrics_of(folder: Path) -> dict[str, dict[str, float]]:
    """The metrics in a version's manifest; none where it cannot be read."""
    try:
        return read_manifest(folder).metrics
    except VersionError:
        return {}


def _read(path: Path) -> bytes:
    """The complete lines of the file; empty where it is absent. What a crash cut short was never
    written."""
    try:
        content = read_plain(path, _LARGEST)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StoreError(
            f"expected {path.name} to be a readable plain file; received: {error.strerror}; "
            "nothing was moved; move it away or set its permissions"
        ) from error
    return content[: content.rfind(b"\n") + 1]


def _entries(path: Path) -> list[Entry]:
    try:
        return [Entry.model_validate_json(line) for line in _read(path).split(b"\n") if line]
    except ValidationError as error:
        raise StoreError(
            f"expected the {path.name} that this project wrote; received an altered one; nothing "
            "was moved; move it away, a new one is begun"
        ) from error


def _refusal(error: OSError, outcome: str) -> StoreError:
    return StoreError(
        f"cannot write {LEDGER}: {error.strerror}; {outcome}; free space or set its permissions, "
        "then do this again"
    )
