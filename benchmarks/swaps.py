"""Publish version after version under a server that callers never leave alone, good ones and bad
ones: not one call may fail.

`make bench NAME=swaps`, or `python -m benchmarks.swaps --help`. The model is a toy whose versions
each answer a digit of their own, so that every answer tells which version gave it.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

import psutil
from pydantic import Field

from benchmarks.options import BenchmarkSettings
from benchmarks.record import record
from digits import store
from digits.contract import MODEL_NAME
from digits.settings import load
from tests.support.ports import free_port
from tests.support.server_fixtures import BLANK, Protocols, Toys, ask

RESULTS_FILE: Final = "swaps.json"
KINDS: Final = ("good", "good", "flipped bit", "good", "slow warm-up", "good", "failing warm-up")
"""What is published, in turns."""
_SERVED: Final = {"good", "slow warm-up"}
_KEPT: Final = 2
"""Older versions that stay in the folder, so that a deletion never meets the version that
answers."""
_FINGERPRINTS: Final = 10
_CALLERS: Final = 3
"""Of each protocol."""
_TIMEOUT: Final = 120.0
_LOOKS: Final = 10
"""How often the server's memory is looked at, evenly spread over the swaps."""


@dataclass
class Seen:
    """What the callers saw; appended to by several threads."""

    calls: int = 0
    faults: list[str] = field(default_factory=list)
    answers: set[tuple[int, int]] = field(default_factory=set)
    """Version named in an answer, and the digit it answered."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, answer: tuple[int, int]) -> None:
        with self.lock:
            self.calls += 1
            self.answers.add(answer)

    def fail(self, fault: str) -> None:
        with self.lock:
            self.calls += 1
            self.faults.append(fault)


def bench(swaps: int, place: Path) -> dict[str, object]:
    """Swap so many times; returns what was seen."""
    toys, base = Toys(place / "toys"), place / MODEL_NAME
    fingerprints = {toys.publish(base, 0): 0}
    published: dict[str, int] = dict.fromkeys(KINDS, 0)
    seen, refused = Seen(), 0
    memory = []
    with _server(base) as (protocols, server), _callers(protocols, seen):
        for turn in range(swaps):
            if turn % max(1, swaps // _LOOKS) == 0:
                memory.append(server.memory_info().rss >> 20)
            kind = KINDS[turn % len(KINDS)]
            number = _publish(toys, base, kind, (turn + 1) % _FINGERPRINTS)
            published[kind] += 1
            if kind in _SERVED:
                fingerprints[number] = (turn + 1) % _FINGERPRINTS
                _wait(protocols, number, "AVAILABLE")
            else:
                refused += bool(_wait(protocols, number, "END"))
                shutil.rmtree(base / str(number))
            for old in store.versions(base)[: -_KEPT - 1]:
                shutil.rmtree(base / str(old))
            print(
                f"swap {turn + 1} of {swaps}: version {number}, {kind}; {seen.calls} calls, "
                f"{len(seen.faults)} failed",
                flush=True,
            )
    wrong = {answer for answer in seen.answers if fingerprints.get(answer[0]) != answer[1]}
    return {
        "swaps": swaps,
        "published": published,
        "refused_with_a_reason": refused,
        "calls": seen.calls,
        "failed_calls": len(seen.faults),
        "first_faults": seen.faults[:3],
        "memory_mib": memory,
        "versions_that_answered": len({version for version, _ in seen.answers}),
        "answers_of_another_version_than_they_name": len(wrong),
        "callers": f"{_CALLERS} over gRPC and {_CALLERS} over REST, of the latest version, "
        "without retries",
    }


@contextmanager
def _server(base: Path) -> Iterator[tuple[Protocols, psutil.Process]]:
    """The server as a process of its own."""
    ports = free_port(), free_port()
    flags = [
        f"--model_name={MODEL_NAME}",
        f"--model_base_path={base}",
        f"--port={ports[0]}",
        f"--rest_api_port={ports[1]}",
    ]
    command = [
        sys.executable,
        "-m",
        "serving.server",
        *flags,
        "--file_system_poll_wait_seconds=0.1",
    ]
    with (
        subprocess.Popen(command, stderr=subprocess.DEVNULL) as process,
        closing(Protocols(*ports)) as protocols,
    ):
        try:
            protocols.predict(ask({"images": BLANK}))
            yield protocols, psutil.Process(process.pid)
        finally:
            process.terminate()


@contextmanager
def _callers(protocols: Protocols, seen: Seen) -> Iterator[None]:
    """Callers at both protocols that ask without a pause."""
    stop = threading.Event()
    body = {"instances": BLANK.tolist()}

    def over_grpc() -> tuple[int, int]:
        reply = protocols.predict(ask({"images": BLANK}))
        return reply.model_spec.version.value, int(reply.outputs["digit"].int64_val[0])

    def over_rest() -> tuple[int, int]:
        answer = protocols.post(body).raise_for_status()
        return int(answer.headers["model-version"]), int(answer.json()["predictions"][0]["digit"])

    def keep(call: Callable[[], tuple[int, int]]) -> None:
        while not stop.is_set():
            try:
                seen.add(call())
            except Exception as error:  # noqa: BLE001 - whatever it is, a call failed
                seen.fail(repr(error)[:300])

    threads = [
        threading.Thread(target=keep, args=(call,))
        for call in (over_grpc, over_rest)
        for _ in range(_CALLERS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _publish(toys: Toys, base: Path, kind: str, fingerprint: int) -> int:
    signature = {"slow warm-up": "slow", "failing warm-up": "absent"}.get(kind, "serving_default")
    return toys.publish(
        base, fingerprint, signature, last=_flip_a_bit if kind == "flipped bit" else lambda _: None
    )


def _flip_a_bit(folder: Path) -> None:
    path = folder / "variables" / "variables.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _wait(protocols: Protocols, number: int, state: str) -> str:
    """Wait until a version is in a state; the error text of that."""
    until = time.monotonic() + _TIMEOUT
    while True:
        found, text = protocols.states().get(number, ("", ""))
        if found == state:
            return text
        if time.monotonic() > until or found == "END":
            raise SystemExit(
                f"expected version {number} to be {state}; received {found or 'nothing'}: {text}"
            )
        time.sleep(0.02)


class SwapsSettings(BenchmarkSettings):
    """Change the served version under callers that never rest."""

    program: ClassVar[str] = "python -m benchmarks.swaps"

    swaps: int = Field(default=300, ge=1, description="versions published")


def main() -> int:
    """Run the benchmark; 0 if no call failed and every answer was of the version it named."""
    chosen = load(SwapsSettings, sys.argv[1:])
    with tempfile.TemporaryDirectory() as place:
        seen = bench(chosen.swaps, Path(place))
    print(json.dumps(seen, indent=2))
    record(seen, chosen.results / RESULTS_FILE, "benchmarks.swaps", sys.argv[1:])
    return 1 if seen["failed_calls"] or seen["answers_of_another_version_than_they_name"] else 0


if __name__ == "__main__":
    sys.exit(main())
