"""Dockerfile.gpu, without a GPU: its lock resolves with its hashes, its steps build, its program
refuses to train on the processor.

CUDA's libraries are several gigabytes, so the build takes the CPU lock in the GPU lock's place;
everything else is the Dockerfile as it is.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.containers.conftest import ROOT, Build
from tests.containers.engine import Engine

pytestmark = pytest.mark.containers
NO_GPU = 5


def resolve(lock: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Look every file of the lock up in the package index, compare the hashes, install nothing."""
    options = [
        "--dry-run",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--python-version=3.11",
        f"--target={target}",
    ]
    command = [sys.executable, "-m", "uv", "pip", "install", *options, "--requirement", str(lock)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_gpu_lock_resolves_with_its_hashes(tmp_path: Path) -> None:
    done = resolve(ROOT / "requirements/trainer-gpu.txt", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "nvidia-cudnn" in done.stderr


def test_gpu_image_without_a_gpu_says_so_and_ends_with_5(
    engine: Engine, build: Build, as_user: tuple[str, ...], tmp_path: Path
) -> None:
    for name in (
        *("digits", "saved_model", "trainer", "serving", "ui", "requirements"),
        "Dockerfile.gpu",
        ".dockerignore",
    ):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    shutil.copy(ROOT / "requirements/trainer-cpu.txt", tmp_path / "requirements/trainer-gpu.txt")
    image = build("trainer", "Dockerfile.gpu", tmp_path)
    code, said = engine.finish(
        image,
        options=[
            *as_user,
            "--network=none",
            "--tmpfs=/models:mode=1777",
            "--tmpfs=/runs:mode=1777",
        ],
    )
    assert code == NO_GPU, said
    assert "expected a GPU; received none from TensorFlow" in said
    assert "Traceback" not in said
