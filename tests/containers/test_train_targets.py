"""`make train-cpu` and `make train-gpu` by podman-compose, typed as a user types them, in a copy of
the project."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from digits.manifest import verify
from digits.store import versions
from tests.containers.conftest import ROOT, BuildOptions
from tests.containers.engine import Engine
from tests.support.toy_digits import write_toy_file

pytestmark = pytest.mark.containers
_TIMEOUT = 2700.0
"""Seconds to build an image on a busy machine and to train in it."""
_TRAINING = (
    "--dataset few --recipe fast --epochs 1 --architectures conv3 --validation_size 300 "
    "--publish best --force"
)
"""Of few and small digits: what comes of it is near chance level, and published all the same."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What git tracks and what is new, in a folder of its own: these targets write to `runs` and
    `models`. CUDA's libraries are several gigabytes, so the GPU image installs the CPU lock."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("models/", "results/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    shutil.copy(folder / "requirements/trainer-cpu.txt", folder / "requirements/trainer-gpu.txt")
    yield folder
    shutil.rmtree(folder)


def run_make(
    engine: Engine, options: BuildOptions, checkout: Path, *arguments: str
) -> tuple[int, str]:
    """Exit code of `make` and what it wrote to both streams; podman-compose finds the tests' own
    podman on the path."""
    build_arguments = shlex.quote(f"--podman-build-args={' '.join(options.rest)}")
    scripts = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{engine.program.parent}:{scripts}:{os.environ['PATH']}",
        "HOME": str(checkout / "home"),
        "COMPOSE_PROJECT_NAME": f"inkwell-{engine.run_id}",
        "BASE_IMAGE": options.base,
    }
    done = subprocess.run(
        ["make", *arguments, f"COMPOSE=podman-compose {build_arguments}"],
        cwd=checkout,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_TIMEOUT,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_train_cpu_trains_and_publishes(
    engine: Engine,
    build_options: BuildOptions,
    trainer_image: str,
    checkout: Path,
    tmp_path: Path,
) -> None:
    assert trainer_image  # its layers are what this build takes
    digits = write_toy_file(tmp_path / "few.npz")
    code, said = run_make(
        engine,
        build_options,
        checkout,
        "train-cpu",
        f"DIGITS_DATA={digits}",
        f"ARGS={_TRAINING}",
    )
    assert code == 0, said[-4000:]
    assert versions(checkout / "models/digits") == [1]
    assert verify(checkout / "models/digits/1").architecture == "conv3"
    assert (checkout / "runs/fast-seed1/report.md").is_file()


def test_train_gpu_without_a_gpu_says_so_before_anything_is_built(
    engine: Engine, build_options: BuildOptions, checkout: Path
) -> None:
    code, said = run_make(engine, build_options, checkout, "train-gpu", "GPU_NODES=/dev/no-gpu")
    assert code != 0
    assert "No NVIDIA GPU is visible on this machine; train without one: make train-cpu" in said
    assert "STEP 1" not in said


def test_train_gpu_builds_and_asks_the_engine_for_a_gpu(
    engine: Engine, build_options: BuildOptions, checkout: Path
) -> None:
    """On a machine that only looks as if it had one: all steps up to the refusal are those of a
    machine with a GPU."""
    code, said = run_make(engine, build_options, checkout, "train-gpu", "GPU_NODES=/dev/null")
    assert code != 0
    assert "missing services" not in said
    assert "inkwell-trainer-gpu" in said
    assert "nvidia.com/gpu" in said or "expected a GPU; received none" in said, said[-4000:]
