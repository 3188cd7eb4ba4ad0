"""A good caller under attack: what it notices, and what the server's memory shows afterwards.

`make bench NAME=abuse`, or `python -m benchmarks.abuse --help`. The caller sends one image every
0.1 s over gRPC with a deadline of 5 s and never retries. Each attack meets a fresh server with the
released model. The attacks `page_...` meet a fresh page before such a server, and a visitor who
asks every 0.5 s from another address.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, ClassVar, Final

import numpy as np
import psutil
from pydantic import AfterValidator, Field

from benchmarks.abuse.attacked import Seen, under_attack
from benchmarks.abuse.attacks import ATTACKS
from benchmarks.abuse.page import measure_page
from benchmarks.abuse.page_attacks import PAGE_ATTACKS
from benchmarks.options import BenchmarkSettings
from benchmarks.record import record
from digits.contract import MODEL_NAME
from digits.settings import CommaSeparated, load
from serving.client import Client, ClientError, connect
from tests.support.ports import free_port
from tests.support.server_fixtures import BLANK

RESULTS_FILE: Final = "abuse.json"
EVERY: Final = 0.1
DEADLINE: Final = 5.0
MOST_P99_MS: Final = 500.0
MOST_PAGE_P99_MS: Final = 2000.0
"""The page, the model server and the attack share the machine."""
_QUIET: Final = "none", "page_none"
"""No attack on the server, none on the page."""
_ALL: Final = (*ATTACKS, *PAGE_ATTACKS)
_MIB: Final = 1 << 20
_ROOT: Final = Path(__file__).parents[2]


def _known(attack: str) -> str:
    if attack not in _ALL:
        raise ValueError(f"one of {', '.join(_ALL)}")
    return attack


class AbuseSettings(BenchmarkSettings):
    """A good caller under attack."""

    program: ClassVar[str] = "python -m benchmarks.abuse"

    seconds: float = Field(default=10.0, gt=0, description="seconds that each attack lasts")
    attacks: Annotated[tuple[Annotated[str, AfterValidator(_known)], ...], CommaSeparated] = Field(
        default=_ALL, description=f"separated by commas: {', '.join(_ALL)}"
    )
    before: Path | None = Field(
        default=None, description="checkout of an older revision to measure too"
    )


def bench(seconds: float, root: Path = _ROOT, attacks: Sequence[str] = _ALL) -> dict[str, Seen]:
    """Attack a server or a page, and call it meanwhile.

    Args:
        seconds: that each attack lasts.
        root: checkout whose server and page are started.
        attacks: which.

    Returns:
        By attack, what the caller saw and the memory in MiB of what was attacked.
    """
    found: dict[str, Seen] = {}
    quiet = {_is_on_page(name): _QUIET[_is_on_page(name)] for name in attacks}
    for name in (*quiet.values(), *attacks):
        ports = free_port(), free_port()
        with _server(root, ports) as server:
            seen = (
                measure_page(name, ports[0], seconds, root)
                if _is_on_page(name)
                else _measure(name, server, ports, seconds)
            )
        memory = {when: seen.pop(when) // _MIB for when in ("before", "peak", "after")}
        found[name] = {**seen, "memory_mib": memory}
        print(f"{name}: {json.dumps(found[name])}", flush=True)
    return found


def _is_on_page(name: str) -> bool:
    return name.startswith("page_")


def _measure(name: str, server: psutil.Process, ports: tuple[int, int], seconds: float) -> Seen:
    with connect(f"grpc://127.0.0.1:{ports[0]}", deadline=DEADLINE) as client:
        attack = ["benchmarks.abuse.attacks", name, *map(str, ports), str(seconds)]
        return under_attack(
            server, attack if name in ATTACKS else [], lambda: _call(client, server, seconds)
        )


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


def main(argv: Sequence[str]) -> int:
    """Run the benchmark; 0 if no good call failed and each p99 is within its bound."""
    chosen = load(AbuseSettings, argv)
    found: Seen = {"every_seconds": EVERY, "seconds": chosen.seconds}
    given = ["--seconds", f"{chosen.seconds:g}", "--attacks", ",".join(chosen.attacks)]
    if chosen.before:
        revision = ["git", "-C", str(chosen.before), "rev-parse", "--short=12", "HEAD"]
        found["before_revision"] = subprocess.check_output(revision, text=True).strip()
        found["before"] = bench(chosen.seconds, chosen.before.absolute(), chosen.attacks)
        given += ["--before", "CHECKOUT"]
    found["after"] = after = bench(chosen.seconds, attacks=chosen.attacks)
    record(found, chosen.results / RESULTS_FILE, "benchmarks.abuse", given)
    return int(any(seen["failed"] or seen["p99_ms"] > _bound(name) for name, seen in after.items()))


def _bound(name: str) -> float:
    return MOST_PAGE_P99_MS if _is_on_page(name) else MOST_P99_MS


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
