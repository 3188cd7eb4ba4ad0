"""Which version is served: let a new one through the gate, promote an older or held one, go back to
the one before.

All three end the same way: the version is the highest number in the model's folder, so every server
follows within a poll, and the ledger has a line that says who, when and why.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from digits import store
from digits.errors import StoreError
from digits.ledger import Entry, note_found, read_entries, write_entry
from digits.manifest import verify
from digits.release_checks import Finding, refusals

Judge = Callable[[Path | None, Path], Sequence[Finding]]
"""Looks at the folders of the served version, if there is one, and of the new one."""


@dataclass(frozen=True)
class Published:
    """A new version: served, or held for the reasons in `refused`."""

    number: int
    held: bool
    refused: tuple[str, ...]


def publish(
    base: Path, write: Callable[[Path], None], judge: Judge, why: str, *, force: bool = False
) -> Published:
    """Publish a version; it is served if the gate lets it through, else held.

    Args:
        base: folder of the model.
        write: fills the empty folder it is given.
        judge: the gate.
        why: the reason, for the ledger.
        force: serve it whatever the gate says; the ledger notes that.

    Raises:
        StoreError: see `digits.store.publish`.
    """
    refused: tuple[str, ...] = ()
    before: int | None = None

    def hold(folder: Path) -> bool:
        nonlocal refused, before
        note_found(base)
        before = store.served(base)
        refused = refusals(judge(base / str(before) if before else None, folder))
        return bool(refused) and not force

    def record(number: int, held: bool) -> None:
        forced = bool(refused) and not held
        write_entry(
            base,
            "hold" if held else "publish",
            number,
            why,
            before=before,
            forced=forced,
            refused=refused,
        )

    number = store.publish(base, write, hold, record)
    return Published(number, number in store.held(base), refused)


def promote(
    base: Path, number: int, judge: Judge, why: str, *, force: bool = False
) -> tuple[str, ...]:
    """Serve version `number` if the gate lets it through.

    Args:
        base: folder of the model.
        number: which version, served before or held.
        judge: the gate.
        why: the reason, for the ledger.
        force: serve it whatever the gate says; the ledger notes that.

    Returns:
        What refused it; empty, or `force`, and it is served.

    Raises:
        StoreError: there is no such version, it is altered, or it is served already.
    """
    with store.locked(base):
        folder, before = store.folder_of(base, number), store.served(base)
        if number == before:
            raise StoreError(
                f"expected a version that is not served now; received {number}, which is; see "
                "`make versions`"
            )
        refused = refusals(judge(base / str(before) if before else None, folder))
        if not refused or force:
            _switch(
                base,
                number,
                functools.partial(
                    write_entry, event="promote", why=why, forced=bool(refused), refused=refused
                ),
            )
        return refused


def rollback(base: Path, why: str) -> int:
    """Serve the version again that was served before the present one. No gate: this is for when
    something is wrong.

    Returns:
        Its number.

    Raises:
        StoreError: there is none, or it is altered.
    """
    with store.locked(base):
        number = _previous(base)
        _switch(base, number, functools.partial(write_entry, event="rollback", why=why))
        return number


def _switch(base: Path, number: int, write: Callable[..., None]) -> None:
    verify(store.folder_of(base, number))
    note_found(base)
    before = store.served(base)
    store.switch(base, number)
    write(base, version=number, before=before)


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
