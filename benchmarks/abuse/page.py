"""A good visitor of the page while a stranger attacks it."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import numpy as np
import psutil

from benchmarks.abuse.attacked import Seen, under_attack
from benchmarks.abuse.page_attacks import PAGE_ATTACKS, SEVEN

_EVERY: Final = 0.5
"""Seconds between two questions of the visitor."""
_PATIENCE: Final = 10.0
"""Seconds after which a question counts as failed."""


def measure_page(name: str, server: int, seconds: float, root: Path) -> Seen:
    """Attack a fresh page, and draw on it meanwhile.

    Args:
        name: of an attack; any other name attacks nothing.
        server: gRPC port of the model server.
        seconds: that the attack lasts.
        root: checkout whose page is started.

    Returns:
        What the visitor saw, and the page's memory in bytes.
    """
    with _page(root, server) as (port, process):
        _ask(port)  # loads what later questions have
        attack = ["benchmarks.abuse.page_attacks", name, str(port), str(seconds)]
        return under_attack(
            process,
            attack if name in PAGE_ATTACKS else [],
            lambda: _visit(port, process, seconds),
        )


@contextmanager
def _page(root: Path, server: int) -> Iterator[tuple[int, psutil.Process]]:
    command = [sys.executable, "-m", "ui", "--port=0", f"--server=grpc://127.0.0.1:{server}"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = next(
                word for word in process.stdout.readline().split() if word.startswith("http://")
            )
            yield int(address.rpartition(":")[2]), psutil.Process(process.pid)
        finally:
            process.kill()


def _visit(port: int, process: psutil.Process, seconds: float) -> Seen:
    taken, failed, peak = [], 0, 0
    until = time.monotonic() + seconds
    while (began := time.monotonic()) < until:
        failed += not _ask(port)
        taken.append(time.monotonic() - began)
        peak = max(peak, process.memory_info().rss)
        time.sleep(max(0.0, _EVERY - taken[-1]))
    p50, p99 = (round(float(np.percentile(taken, part)) * 1000, 1) for part in (50, 99))
    return {"calls": len(taken), "failed": failed, "p50_ms": p50, "p99_ms": p99, "peak": peak}


def _ask(port: int) -> bool:
    """Ask about one drawing on a new connection, without trying again; whether it was answered."""
    session = secrets.token_hex(8)
    question = {"data": [SEVEN], "fn_index": 0, "session_hash": session}
    until = time.monotonic() + _PATIENCE
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}/gradio_api/queue", trust_env=False, timeout=_PATIENCE
        ) as visitor:
            if visitor.post("/join", json=question).status_code != httpx.codes.OK:
                return False
            with visitor.stream("GET", "/data", params={"session_hash": session}) as lines:
                for line in lines.iter_lines():
                    if "process_completed" in line:
                        said = json.loads(line.removeprefix("data: "))
                        return "data-label" in json.dumps(said["output"])
                    if time.monotonic() > until:
                        return False
    except httpx.HTTPError:
        return False
    return False
