"""Start the embedded server with the best model alone and with all four, in turns: the time until
it is ready, and its memory then.

`make bench NAME=startup`, or `python -m benchmarks.startup --help`.
"""

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from pydantic import Field

from benchmarks.options import BenchmarkSettings
from benchmarks.record import record
from benchmarks.serving.servers import CONFIG, embedded, only
from digits.settings import load
from tests.support.ports import free_port

RESULTS_FILE: Final = "startup.json"
_ALL: Final = (f"--model_config_file={CONFIG / 'models.config'}", "--model_config_root=.")
SERVERS: Final = {"digits alone": only(Path("models/digits")), "digits, conv3, conv5, conv7": _ALL}

Starts = list[tuple[float, float]]


class StartupSettings(BenchmarkSettings):
    """Time until the embedded server is ready, with one model and with four."""

    program: ClassVar[str] = "python -m benchmarks.startup"

    rounds: int = Field(default=5, ge=1, description="starts of each server")


def main(argv: Sequence[str]) -> int:
    """Measure, print and record; returns the exit code."""
    chosen = load(StartupSettings, argv)
    found = measure(chosen.rounds)
    print(json.dumps(found, indent=2))
    record(found, chosen.results / RESULTS_FILE, "benchmarks.startup", argv)
    return 0


def measure(rounds: int) -> dict[str, object]:
    """Seconds from starting the process until `/readyz` answers, and resident MiB then, of each
    server: the median and all starts; the servers take turns."""
    starts: dict[str, Starts] = {name: [] for name in SERVERS}
    for _ in range(rounds):
        for name, models in SERVERS.items():
            with embedded(models, (free_port(), free_port())) as server:
                starts[name].append((round(server.ready_s, 2), round(server.memory(), 1)))
    return {"rounds": rounds, "servers": {name: _summary(one) for name, one in starts.items()}}


def _summary(starts: Starts) -> dict[str, object]:
    seconds, memory = zip(*starts, strict=True)
    return {
        "ready_s": round(statistics.median(seconds), 2),
        "memory_mib": round(statistics.median(memory), 1),
        "each_ready_s": seconds,
        "each_memory_mib": memory,
    }


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
