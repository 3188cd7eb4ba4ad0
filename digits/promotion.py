"""Which version is served: publish a new one, promote an older or held one, go back to the one
before.

All three end the same way: the version is the highest number in the model's folder, so every server
follows within a poll, and the ledger has a line that says who, when and why.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from digits import store
from digits.errors import StoreError, VersionError
from digits.ledger import (
    Entry,
    Event,
    describe,
    metrics_of,
    note_found,
    noted,
    read_entries,
    settle,
)
from digits.manifest import read_manifest, verify
from digits.numbering import claim_number
from digits.release_checks import Finding, refusals

ReleaseChecks = Callable[[Path | None, Path], Sequence[Finding]]
"""From the folders of the served version, if there is one, and of the version to be served."""


@dataclass(frozen=True)
class Published:
    """A new version: served, or held for the reasons in `refused`."""

    number: int
    held: bool
    refused: tuple[str, ...]


@contextmanager
def opened(base: Path) -> Iterator[None]:
    """Lock the store, and repair what a crash or a hand left in it.

    Raises:
        StoreError: the store cannot be read or written.
    """
    with store.locked(base):
        with store.refused_as("nothing was moved"):
            store.tidy(base)
        settle(base)
        note_found(base)
        yield


def publish(
    base: Path, staging: Path, findings: Sequence[Finding], why: str, *, force: bool = False
) -> Published:
    """Let a sealed folder appear as the next version: served, or held if a check refused it.

    Args:
        base: folder of the model, opened.
        staging: from `store.staged`, complete and sealed.
        findings: what the release checks found.
        why: the reason, for the ledger.
        force: serve it whatever they found; the ledger says so.

    Raises:
        StoreError: the ledger is altered, or there is no higher number; nothing was published.
        OSError: the disk refused; nothing was published.
    """
    refused = refusals(findings)
    hold = bool(refused) and not force
    number = claim_number(base, known=(entry.version for entry in read_entries(base)))
    event = describe(
        "hold" if hold else "publish",
        number,
        why,
        before=store.served(base),
        forced=bool(refused) and force,
        refused=refused,
        metrics=metrics_of(staging),
    )
    with noted(base, event):
        store.place(staging, base, number, hold=hold)
    return Published(number, hold, refused)


def promote(
    base: Path, number: int, checks: ReleaseChecks, why: str, *, force: bool = False
) -> tuple[str, ...]:
    """Serve version `number` if the release checks pass it.

    Args:
        base: folder of the model.
        number: which version, served before or held.
        checks: the release checks.
        why: the reason, for the ledger.
        force: serve it whatever they find; the ledger says so.

    Returns:
        What refused it; empty, or `force`, and it is served.

    Raises:
        StoreError: there is no such version, it is altered, it is served already, or the disk
            refused.
    """
    with opened(base):
        folder = store.folder_of(base, number)
        if number == store.served(base):
            raise StoreError(
                f"expected a version that is not served now; received {number}, which is; see "
                "`make versions`"
            )
        refused = refusals(checks(rival(base), folder))
        if not refused or force:
            _switch(base, number, "promote", why, refused)
        return refused


def rival(base: Path) -> Path | None:
    """Folder of the version that a new one is compared with: the served one. Where that came with
    Inkwell, the newest version of this user's own below it, if there is one.

    Args:
        base: folder of the model.

    Returns:
        None where nothing is served.
    """
    folders = [base / str(number) for number in reversed(store.versions(base))]
    own = (folder for folder in folders if not _is_released(folder))
    return next(own, store.served_folder(base))


def _is_released(folder: Path) -> bool:
    try:
        return read_manifest(folder).released
    except VersionError:
        return False  # whoever compares with it says what is wrong


def rollback(base: Path, why: str) -> int:
    """Serve the version again that was served before the present one. No checks: this is for when
    something is wrong.

    Returns:
        Its number.

    Raises:
        StoreError: there is none, it is altered, or the disk refused.
    """
    with opened(base):
        number = _previous(base)
        _switch(base, number, "rollback", why)
        return number


def _switch(base: Path, number: int, event: Event, why: str, refused: tuple[str, ...] = ()) -> None:
    """Serve `number`; its line is on the disk before, and counts only once it is served."""
    manifest = verify(store.folder_of(base, number))
    entry = describe(
        event,
        number,
        why,
        before=store.served(base),
        forced=bool(refused),
        refused=refused,
        metrics=manifest.metrics,
    )
    with store.refused_as("nothing was moved"), noted(base, entry):
        store.switch(base, number)


def _previous(base: Path) -> int:
    """The version below the present one in the history, or, where that knows none, the next lower
    number."""
    now, there = store.served(base), {*store.versions(base), *store.held(base)}
    earlier = [
        number for number in _history(read_entries(base)) if number in there and number != now
    ]
    if not earlier and now is not None:
        earlier = [number for number in store.versions(base) if number < now]
    if not earlier:
        raise StoreError(
            "expected a version that was served before; received a model without one; see `make "
            "versions`"
        )
    return earlier[-1]


def _history(entries: Sequence[Entry]) -> list[int]:
    """The versions one can go back through, oldest first: a rollback takes back what came after its
    version."""
    history: list[int] = []
    for entry in entries:
        if entry.event == "rollback" and entry.version in history:
            while history[-1] != entry.version:
                history.pop()
        elif entry.event != "hold":
            history.append(entry.version)
    return history
