"""`make demo`'s launcher: what it refuses before anything is started, and how it ends."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from inkwell import demo

ROOT = Path(__file__).parents[2]


def test_demo_port_in_use_is_refused_with_the_way_out() -> None:
    with socket.create_server((demo.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "inkwell.demo",
            "--page_port",
            str(port),
            "--grpc_port",
            "1",
            "--rest_port",
            "2",
        ]
        finished = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
        )
    assert finished.returncode == 1
    assert finished.stderr == (
        f"demo: expected port {port} to be free; something answers there; choose another with "
        "PAGE_PORT=\n"
    )


def test_demo_port_out_of_range_is_a_usage_error() -> None:
    command = [sys.executable, "-m", "inkwell.demo", "--page_port", "70000"]
    finished = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert finished.returncode == 2
    assert "page_port: expected less than or equal to 65535; received '70000'" in finished.stderr


@pytest.mark.parametrize(("ended", "expected"), [(3, 3), (0, 1)])
def test_demo_process_that_ends_early_ends_the_demo_with_its_code(
    ended: int, expected: int
) -> None:
    process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({ended})"])
    assert demo._until(lambda: False, [process]) == expected


def test_demo_end_stops_everything_it_started() -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) for _ in range(2)
    ]
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        demo._stop(processes)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert [process.poll() for process in processes] == [-signal.SIGTERM, -signal.SIGTERM]
