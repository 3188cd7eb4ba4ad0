"""Death and refusal at every file operation of the store: the state before or the state after, and
a ledger that says which."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import pytest

from digits import store
from digits.errors import StoreError
from digits.ledger import read_entries
from digits.manifest import verify
from digits.promotion import opened, promote, rollback
from tests.support.every_call import REFUSED, at_every_call
from tests.support.versions import passes, publish, refuses

Layout = tuple[list[int], list[int]]
"""Versions that are served or older, and versions that are held."""


def _tidy(folder: Path) -> None:
    """What the next event does first."""
    with opened(folder):
        pass


class Publishing:
    """The second version of a model."""

    refusals = (StoreError,)
    before: Layout = ([1], [])
    event = "publish"

    def prepare(self, folder: Path) -> None:
        publish(folder)

    def act(self, folder: Path) -> None:
        """Change the store; where that is refused with nothing moved, nothing has moved."""
        before = self.layout(folder)
        try:
            self.change(folder)
        except StoreError as error:
            assert "nothing was" not in str(error) or self.layout(folder) == before
            raise

    def change(self, folder: Path) -> None:
        publish(folder)

    def check(self, folder: Path) -> None:
        """Every version is whole, and the ledger's last line is about what is there."""
        for number in (*store.versions(folder), *store.held(folder)):
            verify(store.folder_of(folder, number))
        last = read_entries(folder)[-1]
        place = store.held(folder) if last.event == "hold" else store.versions(folder)
        assert max(place) == last.version
        if self.layout(folder) == self.before:
            assert last.event != self.event or last.version in {*self.before[0], *self.before[1]}

    def check_after(self, folder: Path) -> None:
        self.check(folder)
        assert self.layout(folder) != self.before
        assert read_entries(folder)[-1].event == self.event
        hidden = {path.name for path in folder.iterdir() if path.name.startswith(".")}
        assert hidden <= {".lock", ".last-version"}, hidden

    def layout(self, folder: Path) -> Layout:
        return store.versions(folder), store.held(folder)


class Holding(Publishing):
    """A second version that the release checks refuse."""

    event = "hold"

    def change(self, folder: Path) -> None:
        publish(folder, checks=refuses)


class Promoting(Publishing):
    """The first of three versions, so that two move away."""

    before: Layout = ([1, 2, 3], [])
    event = "promote"

    def prepare(self, folder: Path) -> None:
        for _ in range(3):
            publish(folder)

    def change(self, folder: Path) -> None:
        if store.served(folder) != 1:
            promote(folder, 1, passes, "")
        else:
            _tidy(folder)


class PromotingHeld(Promoting):
    """A held version, which moves to the others."""

    before: Layout = ([1], [2])

    def prepare(self, folder: Path) -> None:
        publish(folder)
        publish(folder, checks=refuses)

    def change(self, folder: Path) -> None:
        if store.served(folder) != 2:
            promote(folder, 2, passes, "")
        else:
            _tidy(folder)


class RollingBack(Promoting):
    """From the third version to the second."""

    event = "rollback"

    def change(self, folder: Path) -> None:
        if store.served(folder) == 3:
            rollback(folder, "")
        else:
            _tidy(folder)


SCENARIOS = ["Publishing", "Holding", "Promoting", "PromotingHeld", "RollingBack"]


@pytest.mark.faults
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_store_killed_at_every_call_is_as_before_or_as_after(tmp_path: Path, scenario: str) -> None:
    cases = at_every_call(f"{__name__}:{scenario}", tmp_path, "KILL")
    assert {case.call for case in cases} >= {"openat", "write", "fsync", "rename"}
    assert {case.ended for case in cases} == {-9}


@pytest.mark.faults
@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        *((scenario, "ENOSPC") for scenario in SCENARIOS),
        ("Publishing", "EIO"),
        ("Promoting", "EIO"),
    ],
)
def test_store_on_a_disk_that_refuses_any_call_says_so_and_goes_on_later(
    tmp_path: Path, scenario: str, fault: str
) -> None:
    cases = at_every_call(f"{__name__}:{scenario}", tmp_path, fault)
    refused = {case.call for case in cases if case.ended == REFUSED}
    assert refused >= {"openat", "write", "fsync", "rename"}
    assert all(case.ended in {0, REFUSED} for case in cases)


def _change_without_end(base: Path) -> NoReturn:
    try:
        while True:
            publish(base)
            publish(base, checks=refuses)
            promote(base, max(store.held(base)), passes, "")
            rollback(base, "")
    finally:
        os._exit(1)


def _seconds_to_fork_and_publish(base: Path) -> float:
    """As the killed ones do it: a large process takes its time to fork, and speed changes."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            publish(base)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    return time.monotonic() - began


@pytest.mark.slow
def test_store_two_hundred_kills_at_random_instants(tmp_path: Path) -> None:
    chance, base = random.Random(15), tmp_path / "digits"
    publish(base)
    killed = 0
    for kill in range(200):
        if kill % 20 == 0:
            longest = 5 * _seconds_to_fork_and_publish(base)
        child = os.fork()
        if child == 0:
            _change_without_end(base)
        time.sleep(chance.uniform(0.0, longest))
        os.kill(child, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        entries = [entry for entry in read_entries(base) if entry.event != "hold"]
        assert entries[-1].version == store.served(base)
        with opened(base):
            assert not set(store.versions(base)) & set(store.held(base))
        for number in sorted({*store.versions(base), *store.held(base)})[:-4]:
            shutil.rmtree(store.folder_of(base, number))
    assert killed == 200
    for number in (*store.versions(base), *store.held(base)):
        verify(store.folder_of(base, number))
    given = [entry.version for entry in read_entries(base) if entry.event in {"publish", "hold"}]
    assert len(given) == len(set(given)) > 100, "no number was given twice"
    assert not [entry for entry in read_entries(base) if entry.event == "found"]


READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"
"""


def test_store_that_is_read_only_is_listed_and_refuses_changes(tmp_path: Path) -> None:
    base = tmp_path / "digits"
    for _ in range(2):
        publish(base)
    code = (
        "import sys; from pathlib import Path; from digits import store\n"
        "from digits.errors import StoreError; from digits.promotion import promote, rollback\n"
        "from tests.support.versions import passes, publish\n"
        "base = Path(sys.argv[1]); print(store.served(base))\n"
        "for change in (lambda: promote(base, 1, passes, ''), lambda: rollback(base, ''), "
        "lambda: publish(base)):\n"
        "    try: change()\n"
        "    except StoreError as error: print(error)\n"
    )
    inside = ["sh", "-c", READ_ONLY, "sh", str(tmp_path), sys.executable, "-c", code, str(base)]
    try:
        done = subprocess.run(
            ["unshare", "-rm", *inside], capture_output=True, text=True, timeout=120, check=False
        )
    except FileNotFoundError:
        pytest.skip("unshare, which makes a folder read-only for root too, is not installed")
    if not done.stdout:
        pytest.skip(f"no namespaces on this system: {done.stderr.strip()}")
    first, *refused = done.stdout.splitlines()
    assert first == "2"
    assert len(refused) == 3
    for line in refused:
        assert "Read-only file system; nothing was changed" in line
