"""The servers of the benchmark, each in a process of its own."""

import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil

from benchmarks.serving.h2load import Address
from benchmarks.serving.load import Outcome, Sample
from benchmarks.serving.protocols import HOST
from digits.contract import MODEL_NAME

CONFIG: Final = Path("serving/tensorflow_serving")
_TIMEOUT: Final = 120.0
_LOOK: Final = 0.01
"""Seconds between two looks at a server that starts."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Embedded:
    """One embedded server."""

    address: Address
    process: psutil.Process
    ready_s: float

    def memory(self) -> float:
        """Resident memory, MiB."""
        return float(self.process.memory_info().rss) / 2**20


def only(base: Path) -> tuple[str, ...]:
    """The flags that name one model, whose versions are in `base`."""
    return f"--model_name={MODEL_NAME}", f"--model_base_path={base}"


@contextmanager
def embedded(models: Sequence[str], ports: tuple[int, int], *flags: str) -> Iterator[Embedded]:
    """The embedded server, ready. `models`: the flags that name what it serves."""
    settings = [
        *models,
        f"--port={ports[0]}",
        f"--rest_api_port={ports[1]}",
    ]
    command = [
        sys.executable,
        "-m",
        "serving.server",
        *settings,
        f"--monitoring_config_file={CONFIG / 'monitoring.config'}",
        *flags,
    ]
    started = time.perf_counter()
    with running(command) as process:
        wait_for(f"http://{HOST}:{ports[1]}/readyz", process)
        address = Address(f"{HOST}:{ports[0]}", f"{HOST}:{ports[1]}")
        yield Embedded(address, psutil.Process(process.pid), time.perf_counter() - started)


class Inside:
    """The process that calls the SavedModel itself."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._read()

    def load(self, request: str, clients: int, seconds: float) -> Sample:
        """A closed loop within that process."""
        assert self._process.stdin
        order = json.dumps({"request": request, "clients": clients, "seconds": seconds})
        print(order, file=self._process.stdin, flush=True)
        seen = self._read()
        sample = Sample(seen["seconds"])
        sample.latencies[Outcome.ANSWERED] = seen["latencies"]
        return sample

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(
                "expected an answer of the process that calls the model; received its end"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def inside(version: Path, images: Path) -> Iterator[Inside]:
    """That process, ready."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.serving.inside",
        str(version),
        str(images),
    ]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Inside(process)


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A server's process, with options of `subprocess.Popen`; one that does not end when told says
    where it hangs, and is killed."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        traced = [command[0], "-X", "faulthandler", *command[1:]]
        process = subprocess.Popen(traced, stderr=said, text=True, **options)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)
                time.sleep(1)
                process.kill()
                process.wait()
                said.seek(0)
                print(said.read()[-20_000:], file=sys.stderr)
                raise
            finally:
                for pipe in (process.stdin, process.stdout):
                    if pipe:
                        pipe.close()


def wait_for(address: str, process: subprocess.Popen[str] | None = None) -> bytes:
    """Return what a page says once it says 200.

    Raises:
        TimeoutError: it did not.
    """

    def ask() -> bytes:
        with urllib.request.urlopen(address, timeout=_TIMEOUT) as answer:
            return bytes(answer.read())

    return first_answer(ask, address, process)


def first_answer(
    ask: Callable[[], Answer], address: str, process: subprocess.Popen[str] | None = None
) -> Answer:
    """Ask until there is an answer, as long as `process` runs.

    Raises:
        TimeoutError: there was none.
    """
    until = time.perf_counter() + _TIMEOUT
    while time.perf_counter() < until and (process is None or process.poll() is None):
        try:
            return ask()
        except OSError:
            time.sleep(_LOOK)
    raise TimeoutError(f"expected an answer from {address} within {_TIMEOUT:g} s")
