"""The embedded server beside three other ways to put a SavedModel behind REST: FastAPI, LitServe
and BentoML, each written as its documentation shows.

`make bench NAME=peers`, or `python -m benchmarks.peers --help`. One image a request, in turns
within one run, loaded by h2load. The peers live in a virtual environment of their own, which this
program makes. Before anything is measured each must give the embedded server's answer.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from pydantic import Field

from benchmarks.options import BenchmarkSettings
from benchmarks.peers.report import RESULTS_FILE, Measured, write
from benchmarks.record import record
from benchmarks.serving import h2load, protocols
from benchmarks.serving.load import Sample, merge
from benchmarks.serving.servers import embedded, first_answer, only, running
from digits.contract import MODEL_NAME, PREDICT
from digits.files import write_synced
from digits.settings import load
from digits.store import folder_of, served
from tests.support.ports import free_port

CLIENTS: Final = (1, 8, 64)
REQUIREMENTS: Final = Path(__file__).parent / "requirements.txt"
_HERE: Final = "benchmarks.peers"
_GRACE: Final = 20.0
"""Seconds that a peer has to end."""


class PeersSettings(BenchmarkSettings):
    """The embedded server beside FastAPI, LitServe and BentoML."""

    program: ClassVar[str] = f"python -m {_HERE}"

    models: Path = Field(default=Path("models"), description="folder of models")
    seconds: float = Field(
        default=12, gt=0, description="seconds for each server and number of clients"
    )
    rounds: int = Field(default=3, ge=1, description="turns that they are measured in")


class Peer:
    """One server and the address of its endpoint."""

    def __init__(self, name: str, url: str, body: Any) -> None:
        self.name, self.url, self.body = name, url, json.dumps(body, separators=(",", ":")).encode()

    def answer(self) -> Any:
        """The answer to the one image.

        Raises:
            OSError: it does not answer, or not with 200.
        """
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url, self.body, headers)
        with urllib.request.urlopen(request, timeout=protocols.TIMEOUT) as reply:
            answer = json.load(reply)
        return (answer["predictions"] if isinstance(answer, dict) else answer)[0]


def main(argv: Sequence[str]) -> int:
    """Measure, write, print; returns the exit code."""
    chosen = load(PeersSettings, argv)
    h2load.check_installed()
    base = chosen.models / MODEL_NAME
    number = served(base)
    if number is None:
        print(f"expected a version in '{base}'; received none; publish one", file=sys.stderr)
        return 1
    with ExitStack() as stack:
        peers = [
            stack.enter_context(_embedded(base)),
            *(stack.enter_context(one) for one in _others(folder_of(base, number))),
        ]
        check_answers(peers)
        found = measure(peers, chosen.rounds, chosen.seconds)
    text = write(found, number)
    print(text)
    whole = {
        "version": number,
        "versions_of_the_peers": _installed(),
        "servers": {name: one.model_dump() for name, one in found.items()},
    }
    record(whole, chosen.results / RESULTS_FILE, _HERE, argv)
    write_synced(chosen.results / "peers.md", text.encode())
    return 0


def measure(peers: Sequence[Peer], rounds: int, seconds: float) -> dict[str, Measured]:
    """Answers a second and latencies of each, by clients; so many seconds each, in rounds."""
    samples: dict[tuple[str, int], list[Sample]] = {}
    for number in range(rounds):
        for clients in CLIENTS:
            for peer in peers:
                taken = h2load.load_rest(peer.url, peer.body, clients, seconds / rounds)
                samples.setdefault((peer.name, clients), []).append(taken)
                print(
                    f"round {number + 1}: {peer.name}, {clients} clients: "
                    f"{taken.throughput:.0f} answers/s",
                    flush=True,
                )
    return {peer.name: Measured.of(_of(peer, samples)) for peer in peers}


def _of(
    peer: Peer, samples: Mapping[tuple[str, int], list[Sample]]
) -> dict[int, tuple[Sample, Sequence[Sample]]]:
    """All rounds together, and each, by the number of clients."""
    taken = {clients: samples[peer.name, clients] for clients in CLIENTS}
    return {clients: (merge(rounds), rounds) for clients, rounds in taken.items()}


@contextmanager
def _embedded(base: Path) -> Iterator[Peer]:
    with embedded(only(base), (free_port(), free_port())) as server:
        url = f"http://{server.address.rest}/v1/models/{MODEL_NAME}:predict"
        yield Peer("embedded", url, {"signature_name": PREDICT, "instances": _image()})


def _others(version: Path) -> Iterator[Any]:
    python = _environment() / "bin" / "python"
    ports = [str(free_port()) for _ in range(3)]
    commands = {
        "FastAPI": [
            "-m",
            "uvicorn",
            f"{_HERE}.fastapi_app:app",
            "--no-access-log",
            "--port",
            ports[0],
        ],
        "LitServe": ["-m", f"{_HERE}.litserve_app", ports[1]],
        "BentoML": ["-m", "bentoml", "serve", f"{_HERE}.bentoml_app:Digits", "--port", ports[2]],
    }
    for port, (name, command) in zip(ports, commands.items(), strict=True):
        yield _other(name, [str(python), *command], port, version)


@contextmanager
def _other(name: str, command: list[str], port: str, version: Path) -> Iterator[Peer]:
    environment = os.environ | {"SAVED_MODEL": str(version), "BENTOML_DO_NOT_TRACK": "1"}
    peer = Peer(name, f"http://{protocols.HOST}:{port}/predict", {"instances": _image()})
    with running(
        command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL
    ) as process:
        try:
            first_answer(peer.answer, peer.url, process)
            yield peer
        finally:
            _end_group(process)


def _end_group(process: subprocess.Popen[str]) -> None:
    """End a server with the workers that it started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _image() -> list[Any]:
    image = np.random.default_rng(1).integers(0, 256, (1, 28, 28), dtype=np.uint8)
    return list(image.tolist())


def check_answers(peers: Sequence[Peer]) -> None:
    """Raises SystemExit where one does not answer as the first does."""
    first, *others = [peer.answer() for peer in peers]
    for peer, answer in zip(peers[1:], others, strict=True):
        if answer["digit"] != first["digit"] or not np.allclose(
            answer["probabilities"], first["probabilities"], atol=1e-5
        ):
            raise SystemExit(f"expected of {peer.name} the answer {first}; received {answer}")


def _environment() -> Path:
    """The peers' virtual environment, made where it is not there or its requirements changed."""
    place = Path(".venv/peers")
    mark = place / "requirements.txt"
    if not mark.is_file() or mark.read_bytes() != REQUIREMENTS.read_bytes():
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--requirement", str(REQUIREMENTS)], check=True)
        write_synced(mark, REQUIREMENTS.read_bytes())
    return place


def _installed() -> list[str]:
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return [line.partition(" ;")[0] for line in lines if not line.startswith("#")]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
