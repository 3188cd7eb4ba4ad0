"""Count the inputs that every reader of other people's bytes takes without breaking.

`make bench NAME=fuzz`, or `python -m benchmarks.fuzz --help`. The inputs are libFuzzer's, guided by
the coverage of the reader, from the corpus beside the tests on: JSON and paths, gRPC messages,
configuration, pictures, what the page sends, picture headers, training data, the store's files.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from pydantic import Field

from benchmarks.options import BenchmarkSettings
from benchmarks.record import record
from digits.settings import load

RESULTS_FILE: Final = "fuzz.json"
TARGETS: Final = ("rest", "messages", "files", "pictures", "page", "headers", "data", "store")
"""As in tests/serving/server/fuzz/targets.py, whose import takes TensorFlow."""
OWN_PEAK: Final = ("sh", "-c", '"$@" & wait "$!"', "sh")
"""Runs the rest of the command as a child of a small process. libFuzzer refuses a process whose
peak memory was over 2 GiB, and a process begins with the peak of the one that started it: without
this, the memory of whoever calls `bench` would count."""
_EXECUTED: Final = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def bench(
    seconds: int, place: Path, targets: Sequence[str] = TARGETS, rounds: int = 1
) -> dict[str, object]:
    """Fuzz each reader for so many seconds.

    Args:
        seconds: for each, and each time.
        place: folder for what is found; a later round goes on from there.
        targets: which readers.
        rounds: how often, each in a process of its own: libFuzzer's own memory grows with its
            inputs, up to the 2 GiB at which it stops.

    Returns:
        Inputs by reader, all together, and the readers that broke.
    """
    inputs: dict[str, int] = {}
    broken: list[str] = []
    for target in [target for target in targets for _ in range(rounds)]:
        flags = ["--seconds", str(seconds), "--found", str(place)]
        module = [sys.executable, "-m", "tests.serving.server.fuzz.guided", target]
        done = subprocess.run(
            [*OWN_PEAK, *module, *flags],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "TMPDIR": str(place)},
        )
        counted = _EXECUTED.search(done.stderr)
        executed = int(counted[1]) if counted else 0
        inputs[target] = inputs.get(target, 0) + executed
        if done.returncode:
            broken.append(target)
            print(done.stderr[-3000:], file=sys.stderr)
        print(f"{target}: {executed:,} inputs, exit code {done.returncode}", flush=True)
    return {
        "seconds_each": seconds * rounds,
        "inputs": inputs,
        "inputs_together": sum(inputs.values()),
        "broken": broken,
    }


class FuzzSettings(BenchmarkSettings):
    """Count the inputs that every reader takes without breaking."""

    program: ClassVar[str] = "python -m benchmarks.fuzz"

    seconds: int = Field(default=60, ge=1, description="of fuzzing for each reader, a round")
    rounds: int = Field(default=1, ge=1, description="processes for each reader, in turn")


def main() -> int:
    """Run the benchmark; 0 if nothing broke."""
    chosen = load(FuzzSettings, sys.argv[1:])
    with tempfile.TemporaryDirectory() as place:
        seen = bench(chosen.seconds, Path(place), rounds=chosen.rounds)
    print(json.dumps(seen, indent=2))
    record(seen, chosen.results / RESULTS_FILE, "benchmarks.fuzz", sys.argv[1:])
    return int(bool(seen["broken"]))


if __name__ == "__main__":
    sys.exit(main())
