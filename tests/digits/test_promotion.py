"""Which version is served: publish, hold, promote, roll back; the ledger; and a crash at every
step."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from digits import store
from digits.errors import StoreError, VersionError
from digits.ledger import LEDGER, NEXT, describe_user, note_found, read_entries
from digits.manifest import verify, write_manifest
from digits.promotion import opened, promote, rival, rollback
from digits.release_checks import Finding
from tests.support.versions import passes, publish, refuses, write_version


def published(base: Path, count: int) -> Path:
    for number in range(1, count + 1):
        publish(base, write_version, passes, f"try {number}")
    return base


def events(base: Path) -> list[tuple[str, int, int | None]]:
    return [(entry.event, entry.version, entry.before) for entry in read_entries(base)]


def test_publish_that_passes_the_checks_is_served_and_noted(tmp_path: Path) -> None:
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
    assert publish(tmp_path, write_version, passes, "again").number == 3


def test_promote_an_older_version_holds_the_newer_ones_and_edits_none(tmp_path: Path) -> None:
    published(tmp_path, 4)
    before = {number: verify(tmp_path / str(number)) for number in (1, 2, 3, 4)}
    assert promote(tmp_path, 2, passes, "it reads sevens better") == ()
    assert (store.served(tmp_path), store.versions(tmp_path), store.held(tmp_path)) == (
        2,
        [1, 2],
        [3, 4],
    )
    assert {number: verify(store.folder_of(tmp_path, number)) for number in (1, 2, 3, 4)} == before
    assert events(tmp_path)[-1] == ("promote", 2, 4)
    assert promote(tmp_path, 3, passes, "") == ()
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
        promote(tmp_path, number, passes, "")


def test_promote_an_altered_version_is_refused_whatever_the_checks_say(tmp_path: Path) -> None:
    published(tmp_path, 2)
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"other")
    with pytest.raises(VersionError, match="saved_model"):
        promote(tmp_path, 1, passes, "", force=True)
    assert store.served(tmp_path) == 2


def test_rollback_goes_back_step_by_step(tmp_path: Path) -> None:
    published(tmp_path, 3)
    promote(tmp_path, 1, passes, "")
    promote(tmp_path, 3, passes, "")
    publish(tmp_path, write_version, passes, "")
    assert [rollback(tmp_path, "bad") for _ in range(4)] == [3, 1, 3, 2]
    assert store.served(tmp_path) == 2
    assert events(tmp_path)[-1] == ("rollback", 2, 3)


def test_rollback_passes_over_a_version_that_was_deleted(tmp_path: Path) -> None:
    published(tmp_path, 3)
    store.folder_of(tmp_path, 2).rename(tmp_path / "gone")
    assert rollback(tmp_path, "") == 1


def test_rollback_without_a_ledger_takes_the_next_lower_number(tmp_path: Path) -> None:
    published(tmp_path, 2)
    (tmp_path / LEDGER).unlink()
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
from tests.support.versions import passes
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
        promote(Path(base), 2, passes, "")
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
        assert read_entries(base)[-1].version == store.served(base), "the ledger is true"
        if store.served(base) == 5:
            promote(base, 2, passes, "again")
        with opened(base):
            pass
        last = read_entries(base)[-1]
        assert (last.event, last.version, last.before) == ("promote", 2, 5)
        assert {path.name for path in base.iterdir() if path.name.startswith(".")} == {
            ".lock",
            ".last-version",
        }


def test_promote_whose_ledger_line_does_not_fit_on_the_disk_moves_nothing(tmp_path: Path) -> None:
    published(tmp_path, 3)
    ledger = (tmp_path / LEDGER).read_bytes()
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from digits.promotion import promote; from tests.support.versions import passes\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))\n"
        "promote(Path(sys.argv[1]), 1, passes, 'a reason')"
    )
    room = str(len(ledger) + 60)  # the kernel writes 60 bytes of the new line and says so
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), room],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "cannot write ledger.jsonl" in done.stderr and "nothing was moved" in done.stderr
    assert (store.versions(tmp_path), store.held(tmp_path)) == ([1, 2, 3], [])
    assert (tmp_path / LEDGER).read_bytes() == ledger
    assert not (tmp_path / NEXT).exists()
    promote(tmp_path, 1, passes, "with room")
    assert events(tmp_path)[-2:] == [("publish", 3, 2), ("promote", 1, 3)]


def test_event_that_a_crash_interrupted_counts_only_if_it_happened(tmp_path: Path) -> None:
    published(tmp_path, 2)
    lines = (tmp_path / LEDGER).read_bytes()
    promote(tmp_path, 1, passes, "as noted")
    with_promotion = (tmp_path / LEDGER).read_bytes()
    (tmp_path / LEDGER).write_bytes(lines)
    (tmp_path / NEXT).write_bytes(with_promotion)
    assert events(tmp_path)[-1] == ("promote", 1, 2), "moved, and the line was not added yet"
    (tmp_path / store.HELD / "2").rename(tmp_path / "2")
    assert events(tmp_path)[-1] == ("publish", 2, 1), "noted, and nothing was moved"
    promote(tmp_path, 1, passes, "again")
    assert [event for event, _, _ in events(tmp_path)] == ["publish", "publish", "promote"]
    assert read_entries(tmp_path)[-1].why == "again"


@pytest.mark.parametrize("name", [LEDGER, NEXT])
def test_ledger_that_is_a_link_is_not_followed(tmp_path: Path, name: str) -> None:
    base = published(tmp_path / "digits", 2)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes((base / LEDGER).read_bytes())
    (base / name).unlink(missing_ok=True)
    (base / name).symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    with pytest.raises(StoreError, match=f"expected {name} to be a readable plain file"):
        promote(base, 1, passes, "")
    with pytest.raises(StoreError, match="nothing was moved"):
        publish(base)
    assert elsewhere.read_bytes() == before
    assert store.versions(base) == [1, 2]


def test_ledger_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    published(tmp_path, 1)
    (tmp_path / LEDGER).unlink()
    os.mkfifo(tmp_path / LEDGER)
    with pytest.raises(StoreError, match="not a plain file"):
        rollback(tmp_path, "")


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
    (tmp_path / "2").mkdir()
    write_version(tmp_path / "2")
    for _ in range(2):
        with store.locked(tmp_path):
            note_found(tmp_path)
    assert events(tmp_path) == [("publish", 1, None), ("found", 2, 1)]


def test_ledger_is_no_version_to_a_server(tmp_path: Path) -> None:
    published(tmp_path, 2)
    promote(tmp_path, 1, passes, "")
    assert not [
        path.name for path in tmp_path.iterdir() if path.name[0].isdigit() and path.name != "1"
    ]


def test_rival_is_the_served_version_or_the_users_own_below_a_released_one(tmp_path: Path) -> None:
    def write_released(folder: Path) -> None:
        write_version(folder)
        write_manifest(verify(folder).model_copy(update={"released": True}), folder)

    seen: list[Path | None] = []

    def checks(served: Path | None, new: Path) -> Sequence[Finding]:
        seen.append(served)
        return passes(served, new)

    for write in (write_released, write_version, write_released, write_version, write_version):
        publish(tmp_path, write, checks)
    promote(tmp_path, 3, checks, "as it came")
    assert seen == [None, *(tmp_path / number for number in ("1", "2", "2", "4", "5"))]
    assert rival(tmp_path) == tmp_path / "2"
