"""A good caller under attack: what it notices, and what the server's memory shows afterwards.

`make bench NAME=abuse`, or `python -m benchmarks.abuse --help`. The caller sends one image every
0.1 s over gRPC with a deadline of 5 s and never retries. Each attack meets a fresh server with the
released model.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from benchmarks.abuse.attacks import ATTACKS
from benchmarks.options import options
from benchmarks.record import record
from digits.contract import MODEL_NAME
from serving.client import Client, ClientError, connect
from tests.support.ports import free_port
from tests.support.server_fixtures import BLANK

RESULTS_FILE: Final = "abuse.json"
EVERY: Final = 0.1
DEADLINE: Final = 5.0
MOST_P99_MS: Final = 500.0
_AFTERWARDS: Final = 3.0
"""Seconds between the end of an attack and the last look at the memory."""
_MIB: Final = 1 << 20
Seen = dict[str, Any]
_ROOT: Final = Path(__file__).parents[2]


def bench(
    seconds: float, root: Path = _ROOT, attacks: Sequence[str] = tuple(ATTACKS)
) -> dict[str, Seen]:
    """Attack a server, and call it meanwhile.

    Args:
        seconds: that each attack lasts.
        root: checkout whose server is started.
        attacks: which.

    Returns:
        By attack, what the caller saw and the server's memory in MiB.
    """
    found: dict[str, Seen] = {}
    for name in ("none", *attacks):
        found[name] = _measure(name, seconds, root)
        print(f"{name}: {json.dumps(found[name])}", flush=True)
    return found


def _measure(name: str, seconds: float, root: Path) -> Seen:
    ports = free_port(), free_port()
    with (
        _server(root, ports) as server,
        connect(f"grpc://127.0.0.1:{ports[0]}", deadline=DEADLINE) as client,
    ):
        before = server.memory_info().rss
        attack = None
        if name in ATTACKS:
            arguments = [name, *map(str, ports), str(seconds)]
            attack = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.abuse.attacks", *arguments]
            )
        seen = _call(client, server, seconds)
        if attack is not None:
            attack.kill()
            attack.wait()
        time.sleep(_AFTERWARDS)
        memory = {"before": before, "peak": seen.pop("peak"), "after": server.memory_info().rss}
        return {**seen, "memory_mib": {when: size // _MIB for when, size in memory.items()}}


@contextmanager
def _server(root: Path, ports: tuple[int, int]) -> Iterator[psutil.Process]:
    command = [
        sys.executable,
        "-m",
        "serving.server",
        f"--model_base_path={root / 'models' / MODEL_NAME}",
        f"--port={ports[0]}",
        f"--rest_api_port={ports[1]}",
    ]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if " ready: " in line:
                    break
            else:
                raise SystemExit("expected a server that starts; received one that ended")
            yield psutil.Process(process.pid)
        finally:
            process.kill()


def _call(client: Client, server: psutil.Process, seconds: float) -> Seen:
    """One image every 0.1 s."""
    client.predict(BLANK)
    taken, failed, peak = [], 0, 0
    until = time.monotonic() + seconds
    while (began := time.monotonic()) < until:
        try:
            client.predict(BLANK)
        except ClientError:
            failed += 1
        taken.append(time.monotonic() - began)
        peak = max(peak, server.memory_info().rss)
        time.sleep(max(0.0, EVERY - taken[-1]))
    p50, p99 = (round(float(np.percentile(taken, part)) * 1000, 1) for part in (50, 99))
    return {"calls": len(taken), "failed": failed, "p50_ms": p50, "p99_ms": p99, "peak": peak}


def main() -> int:
    """Run the benchmark; 0 if no good call failed and each p99 is at most 500 ms."""
    parser = options("benchmarks.abuse", __doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each attack; default 10")
    parser.add_argument("--attacks", nargs="+", choices=list(ATTACKS), default=list(ATTACKS))
    parser.add_argument("--before", type=Path, help="checkout of an older revision to measure too")
    arguments = parser.parse_args()
    found: Seen = {"every_seconds": EVERY, "seconds": arguments.seconds}
    if arguments.before:
        revision = ["git", "-C", str(arguments.before), "rev-parse", "--short=12", "HEAD"]
        found["before_revision"] = subprocess.check_output(revision, text=True).strip()
        found["before"] = bench(arguments.seconds, arguments.before.absolute(), arguments.attacks)
    found["after"] = after = bench(arguments.seconds, attacks=arguments.attacks)
    given = ["--seconds", f"{arguments.seconds:g}", "--attacks", *arguments.attacks]
    if arguments.before:
        given += ["--before", "CHECKOUT"]
    record(found, arguments.results / RESULTS_FILE, "benchmarks.abuse", given)
    return int(any(seen["failed"] or seen["p99_ms"] > MOST_P99_MS for seen in after.values()))


if __name__ == "__main__":
    raise SystemExit(main())
