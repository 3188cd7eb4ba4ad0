"""Let a file operation fail, or the process die, at the n-th system call, for all n.

strace injects the fault. The processes are forks of one, so that imports cost once; each waits
until strace has hold of it.
"""

import ctypes
import errno
import importlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, Protocol

import pytest

_NOWHERE: Final = "/nonexistent/place"
_CLOSED: Final = 1_000_000
"""No open file has this number."""
_HARMLESS: Final[dict[str, Callable[[], object]]] = {
    "openat": lambda: os.open(_NOWHERE, os.O_RDONLY),
    "write": lambda: os.write(_CLOSED, b"-"),
    "fsync": lambda: os.fsync(_CLOSED),
    "rename": lambda: os.rename(_NOWHERE, _NOWHERE),
    "unlink": lambda: os.unlink(_NOWHERE),
    "mkdir": lambda: os.mkdir(_NOWHERE),
    "chmod": lambda: os.chmod(_NOWHERE, 0o644),
}
"""Calls that change something, or begin to, each with one that does not."""
_SET_PTRACER, _ANY = 0x59616D61, 2**64 - 1
"""Source: linux/prctl.h, PR_SET_PTRACER and PR_SET_PTRACER_ANY."""
REFUSED: Final = 3
_SPARED: Final = 4
_WRONG: Final = 5


class Scenario(Protocol):
    """What is tried, each time in a folder of its own."""

    refusals: tuple[type[Exception], ...]
    """What `act` may raise where an operation fails."""

    def prepare(self, folder: Path) -> None:
        """Make the state before."""

    def act(self, folder: Path) -> None:
        """Do what is interrupted."""

    def check(self, folder: Path) -> None:
        """Fail unless the state is the one before or the one after."""

    def check_after(self, folder: Path) -> None:
        """Fail unless the state is the one after, with nothing left over."""


@dataclass(frozen=True)
class Case:
    """How a process ended that the fault fell on: 0 done all the same, 3 refused in words, -9
    killed."""

    call: str
    number: int
    ended: int


def at_every_call(scenario: str, folder: Path, fault: str) -> list[Case]:
    """Play a scenario once for each call that its `act` makes; after each, check the state, and
    that doing it again succeeds.

    Args:
        scenario: `module:class` of a `Scenario`.
        folder: receives a folder a case.
        fault: "KILL", or the name of an error such as "ENOSPC".
    """
    if shutil.which("strace") is None:
        pytest.skip("strace, which lets the n-th system call fail, is not installed")
    play = [sys.executable, "-m", "tests.support.every_call", scenario, str(folder), fault]
    done = subprocess.run(play, capture_output=True, text=True, timeout=600, check=False)
    if "attach: ptrace" in done.stderr:
        pytest.skip("strace may not trace processes on this system")
    assert done.returncode == 0, done.stderr
    return [Case(**json.loads(line)) for line in done.stdout.splitlines()]


def _play(scenario: Scenario, base: Path, fault: str) -> None:
    for call in _HARMLESS:
        for number in itertools.count(1):
            folder = base / f"{call}-{number}"
            folder.mkdir(parents=True)
            scenario.prepare(folder)
            ended = _act(scenario, folder, call, number, fault)
            scenario.check(folder)
            scenario.act(folder)
            scenario.check_after(folder)
            if ended == _SPARED:
                break
            print(json.dumps({"call": call, "number": number, "ended": ended}), flush=True)


def _act(scenario: Scenario, folder: Path, call: str, number: int, fault: str) -> int:
    """Act in another process, whose call of that kind and number is spoiled; returns how it
    ended."""
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).prctl(
            _SET_PTRACER, ctypes.c_ulong(_ANY)
        )  # some systems let only ancestors trace a process
        os.kill(os.getpid(), signal.SIGSTOP)
        _act_and_leave(scenario, folder, call, number, fault)
    os.waitpid(child, os.WUNTRACED)
    injected = "signal=KILL" if fault == "KILL" else f"error={fault}"
    strace = subprocess.Popen(
        [
            "strace",
            "-qq",
            "-o",
            os.devnull,
            "-p",
            str(child),
            "-e",
            f"trace={call}",
            "-e",
            f"inject={call}:{injected}:when={number}",
        ]
    )
    while "TracerPid:\t0" in Path(f"/proc/{child}/status").read_text():
        if strace.poll() is not None:
            os.kill(child, signal.SIGKILL)
            raise SystemExit("attach: ptrace is refused")
        time.sleep(0.001)
    os.kill(child, signal.SIGCONT)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    strace.wait()
    assert ended in {0, REFUSED, _SPARED, -signal.SIGKILL}, (
        f"{call} {number}: neither done nor refused, {ended}"
    )
    return ended


def _act_and_leave(
    scenario: Scenario, folder: Path, call: str, number: int, fault: str
) -> NoReturn:
    try:
        scenario.act(folder)
        os._exit(
            _SPARED if fault == "KILL" or any(_spoiled(call, fault) for _ in range(number)) else 0
        )
    except scenario.refusals:
        os._exit(REFUSED)
    finally:
        traceback.print_exc()
        os._exit(_WRONG)


def _spoiled(call: str, fault: str) -> bool:
    """Make a harmless call; tell whether the fault fell on it."""
    try:
        _HARMLESS[call]()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0) == fault
    return False


if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(":")
    _play(getattr(importlib.import_module(module), name)(), Path(sys.argv[2]), sys.argv[3])
