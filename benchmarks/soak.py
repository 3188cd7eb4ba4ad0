"""Half an hour of everything: does the server's memory stay where it is?

`make bench NAME=soak`, or `python -m benchmarks.soak --help`. The released model behind the
embedded server, as it is started for people. Calls come at a steady rate through both protocols:
images, drawings, batches, nonsense; every few minutes a new version takes over.
"""

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from benchmarks.options import BenchmarkSettings
from benchmarks.record import record
from benchmarks.serving.servers import Embedded, embedded, only
from digits import store
from digits.contract import MODEL_NAME
from digits.settings import load
from serving.client import Client, ClientError, InvalidRequestError, connect
from tests.support.ports import free_port
from tests.support.released_server import RELEASED, draw_seven

RESULTS_FILE: Final = "soak.json"
_CALLS_A_SECOND: Final = 24
_DEADLINE: Final = 30.0
"""Seconds for each call."""
_LOOKS: Final = 60
"""At the memory, in the whole time."""
_SWAPS: Final = 6
"""Versions that take over, in the whole time."""
_FLAT: Final = 0.02
"""Growth from the middle third to the last that still counts as none."""

Ask = Callable[[Client], object]
IMAGES: Final = np.random.default_rng(1).integers(0, 256, (64, 28, 28), np.uint8)
SEVEN: Final = draw_seven()


def _nonsense(client: Client) -> None:
    """Something that is refused, in words."""
    try:
        client.read([b"no picture", SEVEN[:100]])
        client.predict(IMAGES[:, :7])
    except InvalidRequestError:
        return


ASKED: Final[tuple[Ask, ...]] = (
    lambda client: client.predict(IMAGES[:1]),
    lambda client: client.read([SEVEN]),
    lambda client: client.explain(IMAGES[:4]),
    lambda client: client.predict(IMAGES),
    lambda client: client.status(),
    _nonsense,
)


class Load:
    """Calls at a steady rate through one protocol, each in its turn; late ones are made up for."""

    def __init__(self, address: str, rate: float) -> None:
        self._address = address
        self._rate = rate
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.calls = 0
        self.faults: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(2 * _DEADLINE)
        if self._thread.is_alive():
            self.faults.append("a call did not end")

    def _run(self) -> None:
        with connect(self._address, deadline=_DEADLINE) as client:
            due = time.monotonic()
            while not self._over.wait(max(0.0, due - time.monotonic())):
                try:
                    ASKED[self.calls % len(ASKED)](client)
                except ClientError as error:
                    self.faults.append(str(error))
                self.calls += 1
                due += 1 / self._rate


def bench(minutes: float, place: Path) -> dict[str, object]:
    """Load the server for so long, and look at its memory."""
    number = store.served(RELEASED)
    assert number is not None
    base = place / MODEL_NAME
    shutil.copytree(RELEASED / str(number), base / "1")
    ports = free_port(), free_port()
    with embedded(only(base), ports) as server:
        loads = [
            Load(f"{scheme}://127.0.0.1:{port}", _CALLS_A_SECOND / 4)
            for scheme, port in zip(("grpc", "rest"), ports, strict=True)
            for _ in "ab"
        ]
        for load in loads:
            load.start()
        try:
            memory, files = _look(server, base, minutes)
        finally:
            for load in loads:
                load.stop()
    third = len(memory) // 3
    growth = mean(memory[-third:]) / mean(memory[third : 2 * third]) - 1
    return {
        "minutes": minutes,
        "version": number,
        "calls_a_second": _CALLS_A_SECOND,
        "calls": sum(load.calls for load in loads),
        "failed_calls": sum(len(load.faults) for load in loads),
        "first_faults": [fault for load in loads for fault in load.faults][:3],
        "versions_that_took_over": _SWAPS,
        "memory_mib": [round(value, 1) for value in memory],
        "open_files": files,
        "growth_from_middle_to_last_third": growth,
        "flat": growth <= _FLAT,
    }


def _look(server: Embedded, base: Path, minutes: float) -> tuple[list[float], list[int]]:
    """Memory in MiB and open files, at equal distances in time; in between, versions take over."""
    memory, files = [], []
    for look in range(_LOOKS):
        if look % (_LOOKS // _SWAPS) == _LOOKS // _SWAPS // 2:
            _swap(base)
        time.sleep(60 * minutes / _LOOKS)
        memory.append(server.memory())
        files.append(server.process.num_fds())
        print(
            f"{(look + 1) * minutes / _LOOKS:.1f} minutes: {memory[-1]:.0f} MiB, {files[-1]} files",
            flush=True,
        )
    return memory, files


def _swap(base: Path) -> None:
    """One more version, and the one before the last goes."""
    newest = max(store.versions(base))
    shutil.copytree(base / str(newest), base / ".copy")
    os.rename(base / ".copy", base / str(newest + 1))
    if newest > 1:
        shutil.rmtree(base / str(newest - 1))


class SoakSettings(BenchmarkSettings):
    """Mixed calls for a long time, and the server's memory meanwhile."""

    program: ClassVar[str] = "python -m benchmarks.soak"

    minutes: float = Field(default=30, gt=0, description="duration in minutes")


def main(argv: Sequence[str]) -> int:
    """Measure and write; returns the exit code."""
    chosen = load(SoakSettings, argv)
    with tempfile.TemporaryDirectory() as place:
        found = bench(chosen.minutes, Path(place))
    record(found, chosen.results / RESULTS_FILE, "benchmarks.soak", argv)
    print(
        f"{found['calls']:,} calls, {found['failed_calls']} failed; growth "
        f"{found['growth_from_middle_to_last_third']:+.1%}"
    )
    return 0 if found["flat"] and not found["failed_calls"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
