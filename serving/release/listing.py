"""The versions of a model and their history, as lines to read."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from digits import store
from digits.errors import VersionError
from digits.ledger import Entry, read_entries
from digits.manifest import read_manifest

_COLUMNS: Final = ("version", "state", "network", "recipe", "validation", "test", "created")


def list_versions(base: Path) -> Iterator[str]:
    """One line a version, newest first, then one line an event, newest last.

    Raises:
        StoreError: the folder or the ledger cannot be read.
    """
    served, held = store.served(base), store.held(base)
    numbers = sorted({*store.versions(base), *held}, reverse=True)
    if not numbers:
        yield f"No version of '{base.name}' yet; `make train` publishes one."
        return
    yield from _table([_COLUMNS, *(_row(base, number, served, held) for number in numbers)])
    for number in store.in_both_places(base):
        yield f"version {number} is in {store.HELD}/ too; the next change puts that copy aside"
    entries = read_entries(base)
    if entries:
        yield ""
        yield from map(_event, entries)


def _row(base: Path, number: int, served: int | None, held: Sequence[int]) -> tuple[str, ...]:
    state = "served" if number == served else "held" if number in held else "older"
    try:
        manifest = read_manifest(store.folder_of(base, number))
    except VersionError as error:
        return (str(number), state, str(error))
    scores = (manifest.metrics.get(name, {}).get("accuracy") for name in ("validation", "test"))
    shown = ["-" if score is None else f"{score:.4f}" for score in scores]
    return (
        str(number),
        state,
        manifest.architecture,
        manifest.recipe,
        *shown,
        manifest.created[:16].replace("T", " "),
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell; a row of fewer cells is a sentence and widens none."""
    widths = [
        max(len(row[at]) for row in rows if len(row) == len(_COLUMNS))
        for at in range(len(_COLUMNS))
    ]
    for row in rows:
        yield "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=False)
        ).rstrip()


def _event(entry: Entry) -> str:
    before = (
        ""
        if entry.before is None
        else f" ({entry.before} stays served)"
        if entry.event == "hold"
        else f" (before it {entry.before})"
    )
    verdict = "forced over" if entry.forced else "refused"
    checks = f"; {verdict}: {'; '.join(entry.refused)}" if entry.refused else ""
    time = f"{entry.at[:19].replace('T', ' ')} UTC"
    return (
        f"{time}  {entry.who}  {entry.event} {entry.version}{before}: "
        f"{entry.why or 'no reason given'}{checks}"
    )
