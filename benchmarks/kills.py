"""Kill a real training at random instants, go on each time, and compare its last bits with those of
one that was left alone.

`make bench NAME=kills`, or `python -m benchmarks.kills --help`. The trainer's processes are forks
of this one, so that TensorFlow is imported once; each is `python -m trainer` from its first line
on, and dies of SIGKILL.
"""

import hashlib
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import ClassVar, Final

import h5py
import numpy as np
from pydantic import Field

import trainer.pipeline  # noqa: F401 - so that every fork has it, and TensorFlow, already
from benchmarks.options import BenchmarkSettings
from benchmarks.record import record
from digits.manifest import verify
from digits.settings import load
from digits.store import versions
from tests.support.toy_digits import toy_arrays
from trainer.__main__ import main as train
from trainer.networks.history import read_history

RESULTS_FILE: Final = "kills.json"
FLAGS: Final = (
    "--dataset toy --labels 0,1,2,3,4,5,6,7,8,9 --architectures conv3 --epochs 3 --batch_size 16 "
    "--validation_size 100 --device cpu "
    "--deterministic"
)
TRAIN_IMAGES: Final = 500
TEST_IMAGES: Final = 100
AIMED: Final = {"plots": "run/plots/*.png", "report": "run/metrics.json"}
"""Moments that random instants seldom meet: killed as soon as such a file is there."""
_SAID: Final = {
    "published conv3": "end",
    "exporting conv3": "export",
    "preparing drawings that are not digits": "preparing the export",
    "plotting curves": "plots and report",
    "the only candidate": "evaluation",
}
"""What a training says, latest first, and what it does from then on."""
_STUCK: Final = 1_200.0
"""Seconds that no training of this size takes, on however busy a machine."""


def write_data(path: Path) -> Path:
    """Write some of scikit-learn's digits, enough for trainings of seconds."""
    arrays = {
        name: values[: TRAIN_IMAGES if name.endswith("train") else TEST_IMAGES]
        for name, values in toy_arrays().items()
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def start(folder: Path, data: Path) -> int:
    """Start, or go on with, the training in `folder`; returns its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = [
        "trainer",
        *FLAGS.split(),
        f"--data={data}",
        f"--run_dir={folder / 'run'}",
        f"--models={folder / 'models'}",
    ]
    code = 1
    try:
        code = train()
    finally:
        sys.stdout.flush()
        os._exit(code)


def wait(child: int, seconds: float) -> int | None:
    """How the process ended, or None if it still runs after so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return None


def kill(child: int) -> None:
    """Let it die at once."""
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def phase(folder: Path, since: float) -> str:
    """What the training that began in `folder` at `since` and just died was doing, by what it left
    and said."""
    network, said = folder / "run" / "conv3", (folder / "log").read_text(errors="replace")
    if any(staging.stat().st_mtime >= since for staging in folder.glob("models/digits/.staging-*")):
        return "export"
    for words, doing in _SAID.items():
        if words in said:
            return doing
    if list(network.glob("checkpoints/.*")):
        return "checkpoint"
    epochs, validated = said.count(": epoch "), said.count("validation loss")
    if not epochs:
        return "start"
    return "steps and evaluation" if validated < epochs else "between epochs, or keeping the model"


def digest(folder: Path) -> str:
    """SHA-256 of all that must not depend on a kill: every variable, the weights of the kept model,
    the history without times, the plots."""
    made = hashlib.sha256()
    content = max((folder / "run" / "conv3" / "checkpoints").iterdir()).read_bytes()[
        hashlib.sha256().digest_size :
    ]
    with np.load(io.BytesIO(content)) as archive:
        for name in sorted(set(archive) - {"facts"}):
            made.update(name.encode() + archive[name].tobytes())
    with zipfile.ZipFile(folder / "run" / "conv3" / "model.keras") as model:
        weights: dict[str, bytes] = {}
        with h5py.File(io.BytesIO(model.read("model.weights.h5"))) as file:
            file.visititems(
                lambda name, item: (
                    weights.update({name: item[()].tobytes()})
                    if isinstance(item, h5py.Dataset)
                    else None
                )
            )
    for name in sorted(weights):
        made.update(name.encode() + weights[name])
    for epoch in read_history(folder / "run" / "conv3" / "history.json"):
        made.update(epoch.model_dump_json(exclude={"seconds"}).encode())
    for plot in sorted((folder / "run" / "plots").glob("*.png")):
        made.update(plot.name.encode() + plot.read_bytes())
    return made.hexdigest()


def whole(folder: Path) -> float:
    """Train without a kill; returns the seconds it took."""
    started = time.monotonic()
    ended = wait(start(folder, folder.parent / "toy.npz"), _STUCK)
    if ended != 0:
        raise SystemExit(
            "expected a training that ends well; received "
            f"{ended}:\n{(folder / 'log').read_text()[-3000:]}"
        )
    return time.monotonic() - started


def kill_at(folder: Path, sign: str) -> None:
    """Start a training and kill it as soon as it has made a file like `sign`."""
    child = start(folder, folder.parent / "toy.npz")
    while not list(folder.glob(sign)):
        if wait(child, 0.002) is not None:
            raise SystemExit(f"expected a training that makes {sign}; received one that ended")
    kill(child)


def bench(kills: int, seed: int, place: Path) -> dict[str, object]:
    """Train once in peace, then again and again with kills until there were `kills` of them;
    returns what was seen."""
    write_data(place / "toy.npz")
    (place / "whole").mkdir()
    duration, expected = whole(place / "whole"), digest(place / "whole")
    phases: Counter[str] = Counter()
    ends: list[bool] = []
    instants = random.Random(seed)
    for moment, sign in AIMED.items():
        (folder := place / f"killed-at-{moment}").mkdir()
        kill_at(folder, sign)
        phases[f"aimed at: {moment}"] += 1
        whole(folder)
        ends.append(digest(folder) == expected)
        print(f"killed at {moment}: {'the same' if ends[-1] else 'OTHER'} bits", flush=True)
    while phases.total() < kills:
        folder = place / f"killed{len(ends)}"
        folder.mkdir()
        while phases.total() < kills:
            began = time.time()
            child = start(folder, place / "toy.npz")
            ended = wait(child, instants.uniform(0, duration))
            if ended is not None:
                break
            kill(child)
            met = phase(folder, began)
            phases[met] += 1
            print(f"kill {phases.total()} of {kills}: {met}", flush=True)
            for number in versions(folder / "models" / "digits"):
                verify(folder / "models" / "digits" / str(number))
        whole(folder)
        ends.append(digest(folder) == expected)
        print(
            f"training {len(ends)} ended in {'the same' if ends[-1] else 'OTHER'} bits", flush=True
        )
    return {
        "kills": phases.total(),
        "phases": dict(sorted(phases.items())),
        "trainings": len(ends),
        "trainings_ending_in_the_same_bits": sum(ends),
        "digest": expected,
        "seed": seed,
        "training": f"python -m trainer {FLAGS}",
        "data": f"{TRAIN_IMAGES} training and {TEST_IMAGES} test images of scikit-learn's digits",
    }


class KillsSettings(BenchmarkSettings):
    """Kill trainings, again and again, and compare what they end in."""

    program: ClassVar[str] = "python -m benchmarks.kills"

    kills: int = Field(default=50, ge=1, description="number of kills")
    seed: int = Field(
        default=1,
        ge=0,
        description="decides the instants, as shares of an uninterrupted training",
    )


def main() -> int:
    """Run the benchmark; 0 if every training ended in the bits of the one that was left alone."""
    chosen = load(KillsSettings, sys.argv[1:])
    with tempfile.TemporaryDirectory() as place:
        seen = bench(chosen.kills, chosen.seed, Path(place))
    print(json.dumps(seen, indent=2))
    record(seen, chosen.results / RESULTS_FILE, "benchmarks.kills", sys.argv[1:])
    return 0 if seen["trainings"] == seen["trainings_ending_in_the_same_bits"] else 1


if __name__ == "__main__":
    sys.exit(main())
