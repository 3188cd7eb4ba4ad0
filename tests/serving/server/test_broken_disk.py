"""A disk that answers with EIO under a running server: what is loaded answers on, and what came
meanwhile is served once the disk works again."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.server_fixtures import (
    BLANK,
    SECONDS,
    Protocols,
    Publish,
    ask,
    wait_until_ready,
)

ASK = ask({"images": BLANK})
LOOK = 0.2
"""Seconds between two looks of the server at its folder."""


@contextmanager
def failing(process: int, calls: str, path: Path) -> Iterator[None]:
    """Let a process's system calls on a path fail with EIO."""
    command = ["strace", "-f", "-qq", "-o", os.devnull, "-p", str(process), "-P", str(path)]
    strace = subprocess.Popen([*command, "-e", f"inject={calls}:error=EIO"])
    try:
        until = time.monotonic() + SECONDS
        while "TracerPid:\t0" in Path(f"/proc/{process}/status").read_text(encoding="ascii"):
            if strace.poll() is not None:
                pytest.skip("this machine lets nobody trace a process")
            assert time.monotonic() < until
            time.sleep(0.01)
        yield
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait(SECONDS)


@pytest.mark.faults
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("calls", ["getdents64", "openat", "getdents64,openat,newfstatat,statx"])
def test_loaded_version_answers_on_and_the_next_is_served_when_the_disk_works_again(
    tmp_path: Path,
    publish: Publish,
    start_program: Callable[..., subprocess.Popen[str]],
    ports: tuple[int, int],
    calls: str,
) -> None:
    base = tmp_path / "digits"
    publish(base, 3)
    flags = f"--model_base_path={base}", f"--file_system_poll_wait_seconds={LOOK}"
    program = start_program(ports, *flags)
    with closing(Protocols(*ports)) as protocols:
        wait_until_ready(program)
        with failing(program.pid, calls, base):
            publish(base, 5)
            for _ in range(5):
                time.sleep(2 * LOOK)
                assert protocols.predict(ASK).outputs["digit"].int64_val[0] == 3
                assert protocols.rest.get("/readyz").status_code == 200
        protocols.wait_for(2, "AVAILABLE")
        assert protocols.predict(ASK).outputs["digit"].int64_val[0] == 5
    assert program.poll() is None
