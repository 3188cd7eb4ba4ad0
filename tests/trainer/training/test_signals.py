"""Signals: noted while a training saves, obeyed at once elsewhere, and the second one always."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.kills import FLAGS, write_data
from trainer.training import signals

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.mark.parametrize("number", EXIT_CODES)
def test_immediate_signal_stops_at_once(number: signal.Signals) -> None:
    went_on = False
    with pytest.raises(signals.Stopped) as stopped, signals.immediate():
        os.kill(os.getpid(), number)
        went_on = True
    assert stopped.value.exit_code == EXIT_CODES[number]
    assert not went_on


@pytest.mark.parametrize("number", EXIT_CODES)
def test_deferred_signal_is_noted_and_obeyed_at_the_end(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    received = None
    with pytest.raises(signals.Stopped) as stopped, signals.deferred() as stop_requested:
        assert stop_requested() is None
        os.kill(os.getpid(), number)
        received = stop_requested()
    assert received == number
    assert stopped.value.exit_code == EXIT_CODES[number]
    assert "stopping after this step; once more stops at once" in capfd.readouterr().err


def test_deferred_without_a_signal_leaves_everything_as_it_was() -> None:
    before = [signal.getsignal(number) for number in EXIT_CODES]
    with signals.deferred() as stop_requested:
        assert stop_requested() is None
    assert [signal.getsignal(number) for number in EXIT_CODES] == before


def test_deferred_in_another_thread_receives_nothing() -> None:
    received: list[int | None] = []

    def work() -> None:
        with signals.deferred() as stop_requested:
            received.append(stop_requested())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert received == [None]


TWICE = """
import os, signal
from trainer.training import signals
with signals.deferred():
    os.kill(os.getpid(), signal.SIGTERM)
    print("noted", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    print("went on", flush=True)
"""


def test_deferred_second_signal_ends_the_program_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWICE], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (130, "noted\n")


def test_main_stopped_while_training_saves_and_says_how_to_go_on(tmp_path: Path) -> None:
    flags = [
        *FLAGS.split(),
        f"--data={write_data(tmp_path / 'toy.npz')}",
        "--epochs=1000",
        f"--run_dir={tmp_path / 'run'}",
        "--publish=none",
    ]
    with (tmp_path / "out").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "trainer", *flags],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 300
        while "accuracy" not in (tmp_path / "out").read_text():
            assert process.poll() is None, "it ended before it was stopped"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 143
    assert "python -m trainer: stopped; saved after " in err.splitlines()[-1]
    assert err.endswith("; the same command goes on from there\n")
    assert "Traceback" not in err
    assert list((tmp_path / "run" / "conv3" / "checkpoints").glob("*.checkpoint"))
