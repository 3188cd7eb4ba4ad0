"""Which version is served: publish, hold, promote, roll back; the ledger; and a crash at every
step."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from digits import store
from digits.errors import StoreError, VersionError
from digits.ledger import LEDGER, describe_user, note_found, read_entries
from digits.manifest import verify
from digits.promotion import promote, publish, rollback
from digits.release_checks import Finding
from tests.digits.test_store import write_version


def lets_through(_served: Path | None, _new: Path) -> Sequence[Finding]:
    return [Finding("toy", True, "as good")]


def refuses(_served: Path | None, _new: Path) -> Sequence[Finding]:
    return [Finding("toy", True, "as good"), Finding("other", False, "worse")]


def published(base: Path, count: int) -> Path:
    for number in range(1, count + 1):
        publish(base, write_version, lets_through, f"try {number}")
    return base


def events(base: Path) -> list[tuple[str, int, int | None]]:
    return [(entry.event, entry.version, entry.before) for entry in read_entries(base)]


def test_publish_through_the_gate_is_served_and_noted(tmp_path: Path) -> None:
    published(tmp_path / "digits", 2)
    assert store.served(tmp_path / "digits") == 2
    first, second = read_entries(tmp_path / "digits")
    assert (first.event, first.version, first.before) == ("publish", 1, None)
    assert (second.event, second.version, second.before, second.why) == ("publish", 2, 1, "try 2")
    assert second.who == describe_user()
    assert second.metrics == {"test": {"accuracy": 0.5}}
    assert not second.forced and second.refused == ()


def test_publish_refused_is_held_whole_and_not_served(tmp_path: Path) -> None:
    published(tmp_path, 1)
    result = publish(tmp_path, write_version, refuses, "try")
    assert (result.number, result.held, result.refused) == (2, True, ("other: worse",))
    assert (store.served(tmp_path), store.versions(tmp_path), store.held(tmp_path)) == (1, [1], [2])
    verify(tmp_path / store.HELD / "2")
    assert events(tmp_path)[-1] == ("hold", 2, 1)
    assert read_entries(tmp_path)[-1].refused == ("other: worse",)


def test_publish_refused_and_forced_is_served_and_the_ledger_says_so(tmp_path: Path) -> None:
    published(tmp_path, 1)
    assert not publish(tmp_path, write_version, refuses, "must", force=True).held
    assert store.served(tmp_path) == 2
    last = read_entries(tmp_path)[-1]
    assert (last.event, last.forced, last.refused) == ("publish", True, ("other: worse",))


def test_publish_after_a_held_version_takes_a_new_number(tmp_path: Path) -> None:
    published(tmp_path, 1)
    publish(tmp_path, write_version, refuses, "try")
    (tmp_path / ".last-version").unlink()
    assert publish(tmp_path, write_version, lets_through, "again").number == 3


def test_promote_an_older_version_holds_the_newer_ones_and_edits_none(tmp_path: Path) -> None:
    published(tmp_path, 4)
    before = {number: verify(tmp_path / str(number)) for number in (1, 2, 3, 4)}
    assert promote(tmp_path, 2, lets_through, "it reads sevens better") == ()
    assert (store.served(tmp_path), store.versions(tmp_path), store.held(tmp_path)) == (
        2,
        [1, 2],
        [3, 4],
    )
    assert {number: verify(store.folder_of(tmp_path, number)) for number in (1, 2, 3, 4)} == before
    assert events(tmp_path)[-1] == ("promote", 2, 4)
    assert promote(tmp_path, 3, lets_through, "") == ()
    assert (store.served(tmp_path), store.held(tmp_path)) == (3, [4])


def test_promote_a_refused_version_changes_nothing_unless_forced(tmp_path: Path) -> None:
    published(tmp_path, 2)
    entries = read_entries(tmp_path)
    assert promote(tmp_path, 1, refuses, "why not") == ("other: worse",)
    assert store.served(tmp_path) == 2
    assert read_entries(tmp_path) == entries
    assert promote(tmp_path, 1, refuses, "must", force=True) == ("other: worse",)
    last = read_entries(tmp_path)[-1]
    assert (store.served(tmp_path), last.event, last.forced, last.refused) == (
        1,
        "promote",
        True,
        ("other: worse",),
    )


@pytest.mark.parametrize(
    ("number", "said"),
    [(2, "expected a version that is not served now; received 2"), (7, r"\(1, 2\); received 7")],
)
def test_promote_a_version_that_cannot_be_says_why(tmp_path: Path, number: int, said: str) -> None:
    published(tmp_path, 2)
    with pytest.raises(StoreError, match=said):
        promote(tmp_path, number, lets_through, "")


def test_promote_an_altered_version_is_refused_whatever_the_gate_says(tmp_path: Path) -> None:
    published(tmp_path, 2)
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"other")
    with pytest.raises(VersionError, match="saved_model"):
        promote(tmp_path, 1, lets_through, "", force=True)
    assert store.served(tmp_path) == 2


def test_rollback_goes_back_step_by_step(tmp_path: Path) -> None:
    published(tmp_path, 3)
    promote(tmp_path, 1, lets_through, "")
    promote(tmp_path, 3, lets_through, "")
    publish(tmp_path, write_version, lets_through, "")
    assert [rollback(tmp_path, "bad") for _ in range(4)] == [3, 1, 3, 2]
    assert store.served(tmp_path) == 2
    assert events(tmp_path)[-1] == ("rollback", 2, 3)


def test_rollback_passes_over_a_version_that_was_deleted(tmp_path: Path) -> None:
    published(tmp_path, 3)
    store.folder_of(tmp_path, 2).rename(tmp_path / "gone")
    assert rollback(tmp_path, "") == 1


def test_rollback_without_a_ledger_takes_the_next_lower_number(tmp_path: Path) -> None:
    for _ in range(2):
        store.publish(tmp_path, write_version)
    assert rollback(tmp_path, "") == 1
    assert events(tmp_path) == [("found", 2, None), ("rollback", 1, 2)]


def test_rollback_with_nothing_before_says_so(tmp_path: Path) -> None:
    published(tmp_path, 1)
    with pytest.raises(StoreError, match="expected a version that was served before"):
        rollback(tmp_path, "")


KILL_AT_EVERY_STEP = """
import os, shutil, signal, sys
from pathlib import Path
from digits import store
from digits.promotion import promote
from tests.digits.test_promotion import lets_through
status, at = 1, 0
while status:
    at += 1
    base = shutil.copytree(sys.argv[1], f"{sys.argv[1]}-{at}")
    child = os.fork()
    if child == 0:
        left = [at]
        def step(event, arguments):
            if event in ("open", "os.mkdir", "os.rename", "os.truncate"):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(step)
        promote(Path(base), 2, lets_through, "")
        os._exit(0)
    status = os.waitpid(child, 0)[1]
"""


def test_promote_killed_at_every_file_operation_serves_the_old_or_the_new_version(
    tmp_path: Path,
) -> None:
    published(tmp_path / "digits", 5)
    command = [sys.executable, "-c", KILL_AT_EVERY_STEP, str(tmp_path / "digits")]
    subprocess.run(command, check=True, timeout=120)
    bases = [tmp_path / f"digits-{at}" for at in range(1, len(list(tmp_path.glob("digits-*"))) + 1)]
    seen = [store.served(base) for base in bases]
    assert len(seen) > 15, "the hook saw too few operations to mean anything"
    assert set(seen[: seen.index(2)]) == {5} and set(seen[seen.index(2) :]) == {2}, (
        "only one move changes what is served"
    )
    for base in bases:
        assert sorted([*store.versions(base), *store.held(base)]) == [1, 2, 3, 4, 5]
        if store.served(base) == 5:
            promote(base, 2, lets_through, "again")
        with store.locked(base):
            note_found(base)
        assert [entry.version for entry in read_entries(base)][-1] == 2, (
            "a move without its line is found"
        )


def test_ledger_line_cut_short_by_a_crash_makes_way_for_the_next(tmp_path: Path) -> None:
    published(tmp_path, 1)
    with (tmp_path / LEDGER).open("ab") as file:
        file.write(b'{"at": "2026-')
    assert events(tmp_path) == [("publish", 1, None)]
    published(tmp_path, 1)
    assert events(tmp_path) == [("publish", 1, None), ("publish", 2, 1)]


def test_ledger_that_somebody_edited_is_refused(tmp_path: Path) -> None:
    published(tmp_path, 1)
    (tmp_path / LEDGER).write_text('{"event": "promote"}\n')
    with pytest.raises(StoreError, match="expected the ledger"):
        read_entries(tmp_path)


def test_ledger_notes_a_version_copied_in_by_hand_once(tmp_path: Path) -> None:
    published(tmp_path, 1)
    store.publish(tmp_path, write_version)
    for _ in range(2):
        with store.locked(tmp_path):
            note_found(tmp_path)
    assert events(tmp_path) == [("publish", 1, None), ("found", 2, 1)]


def test_ledger_is_no_version_to_a_server(tmp_path: Path) -> None:
    published(tmp_path, 2)
    promote(tmp_path, 1, lets_through, "")
    assert not [
        path.name for path in tmp_path.iterdir() if path.name[0].isdigit() and path.name != "1"
    ]
