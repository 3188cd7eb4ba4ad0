"""How fast the embedded server answers: `make bench NAME=serving`, or `python -m benchmarks.serving
--help`.

In one run, in turns: the embedded server over gRPC and REST, and the bare call of the same
SavedModel within a process; with --serving any other server that has the same model, such as a
container of TensorFlow Serving. The load comes from h2load and shares the processor with them.
Compare ratios within a run: a machine shared with other jobs slows all of them.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from benchmarks.options import BenchmarkSettings
from benchmarks.serving import h2load, protocols, servers
from benchmarks.serving.aims import judge
from benchmarks.serving.load import Outcome, merge
from benchmarks.serving.page import draw, write
from benchmarks.serving.plans import Plan, arriving, callers, in_rounds
from benchmarks.serving.record import (
    RESULTS_FILE,
    Memory,
    ServingResult,
)
from digits.contract import MODEL_NAME
from digits.files import write_synced
from digits.manifest import verify
from digits.settings import load
from digits.store import versions
from tests.support.ports import free_port
from trainer.provenance import Provenance, describe_command

IN_PROCESS_THREADS: Final = 8
_OVERLOAD: Final = 5
_POINTS: Final = 20
"""How often a soak looks at the memory."""
_REMARK: Final = (
    "The load is made on the same cores as the answers; a server on a machine of "
    "its own answers more. Other jobs may have shared the machine: compare ratios."
)


class ServingSettings(BenchmarkSettings):
    """How fast the embedded server answers."""

    program: ClassVar[str] = "python -m benchmarks.serving"

    models: Path = Field(
        default=Path("models") / MODEL_NAME,
        description="folder of versions; the newest is served",
    )
    seconds: float = Field(default=6, gt=0, description="of each scenario, all rounds together")
    rounds: int = Field(default=3, ge=1, description="turns each scenario is measured in")
    soak: float = Field(default=1, ge=0, description="minutes of steady load, to see the memory")
    serving: str | None = Field(
        default=None,
        pattern=r"^[^,]+:\d+,[^,]+:\d+$",
        description="host:port,host:port: gRPC and REST of another server, measured beside the "
        "embedded one",
    )


def main(argv: Sequence[str]) -> None:
    """Measure, write, print."""
    chosen = load(ServingSettings, argv)
    h2load.check_installed()
    number = max(versions(chosen.models))
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        base = Path(place) / MODEL_NAME
        shutil.copytree(chosen.models / str(number), base / "1")
        images = np.random.default_rng(1).integers(0, 256, (64, 28, 28), dtype=np.uint8)
        np.save(Path(place) / "images.npy", images)
        result = _measure(base, images, Path(place) / "images.npy", chosen, stack)
    made = verify(chosen.models / str(number))
    whole = ServingResult(
        model=f"{made.architecture} of recipe {made.recipe}, float32, released as version {number}",
        remark=_REMARK,
        **Provenance.now(describe_command("benchmarks.serving", argv)).model_dump(),
        aims=judge(result["scenarios"], result["ready_s"]),
        **result,
    )
    print(write(whole))
    chosen.results.mkdir(parents=True, exist_ok=True)
    write_synced(chosen.results / RESULTS_FILE, (whole.model_dump_json(indent=2) + "\n").encode())
    write_synced(chosen.results / "serving.md", write(whole).encode())
    draw(whole.scenarios, chosen.results / "plots" / "serving.png")


def _measure(
    base: Path,
    images: NDArray[np.uint8],
    images_file: Path,
    chosen: ServingSettings,
    stack: ExitStack,
) -> dict[str, Any]:
    """Start everything, run every scenario."""
    ports = [free_port() for _ in range(4)]
    joining = stack.enter_context(servers.embedded(servers.only(base), (ports[0], ports[1])))
    alone = stack.enter_context(
        servers.embedded(servers.only(base), (ports[2], ports[3]), "--max_batch_size=1")
    )
    within = stack.enter_context(servers.inside(base / "1", images_file))
    requests = {name: protocols.make(name, images) for name in protocols.SIZES}
    plans = [
        *(
            Plan("none", "in-process", name, clients, partial(within.load, name, clients))
            for name in requests
            for clients in (1, IN_PROCESS_THREADS)
        ),
        *callers("embedded", joining.address, requests),
        *callers("embedded, joining none", alone.address, {"image": requests["image"]}),
    ]
    if chosen.serving:
        given = h2load.Address(*chosen.serving.split(","))
        plans += callers(f"the server at {given.grpc}, {given.rest}", given, requests)
    measured = in_rounds(plans, chosen.rounds, chosen.seconds)
    peak = next(
        s.throughput_per_s
        for s in measured
        if (s.server, s.protocol, s.request, s.clients) == ("embedded", "grpc", "batch64", 8)
    )
    rate = _OVERLOAD * max(peak, 1.0)
    load_at_rate = partial(arriving, joining.address.grpc, requests["batch64"], rate)
    overload = Plan("embedded", "grpc", "batch64", None, load_at_rate, rate)
    measured += in_rounds([overload], chosen.rounds, 2 * chosen.seconds)
    return {
        "scenarios": tuple(measured),
        "visible_s": tuple(_publish(base, number, joining) for number in (2, 3, 4)),
        "ready_s": (joining.ready_s, alone.ready_s),
        "memory": _soak(joining, requests["image"], chosen.soak) if chosen.soak else None,
    }


def _publish(base: Path, number: int, server: servers.Embedded) -> float:
    """Publish one more version; seconds until it is AVAILABLE."""
    shutil.copytree(base / "1", base / f".copy-{number}")
    started = time.perf_counter()
    os.rename(base / f".copy-{number}", base / str(number))
    while b'"AVAILABLE"' not in servers.wait_for(
        f"http://{server.address.rest}/v1/models/{MODEL_NAME}/versions/{number}"
    ):
        time.sleep(0.02)
    return time.perf_counter() - started


def _soak(server: servers.Embedded, request: protocols.Request, minutes: float) -> Memory:
    """Eight clients that never rest, and the server's memory meanwhile."""
    memory, samples = [server.memory()], []
    for _ in range(_POINTS):
        samples.append(h2load.closed(server.address, "grpc", request, 8, 60 * minutes / _POINTS))
        memory.append(server.memory())
    whole = merge(samples)
    answered, refused, failed = (len(whole.latencies[outcome]) for outcome in Outcome)
    return Memory(
        minutes=minutes,
        calls=answered + refused + failed,
        errors=refused + failed,
        mib=tuple(memory),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
