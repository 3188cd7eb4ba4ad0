"""`benchmarks/gpu.sh` before there is a GPU: it says so, and its steps fit the time it names."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from benchmarks.training_speed.__main__ import SpeedSettings
from digits.settings import read
from trainer.settings import TrainerSettings

SCRIPT: Final = Path(__file__).parents[2] / "benchmarks/gpu.sh"
TEXT: Final = SCRIPT.read_text(encoding="utf-8")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The script where no `nvidia-smi` is."""
    (folder / "bin").mkdir()
    for name in ("bash", "dirname"):
        (folder / "bin" / name).symlink_to(f"/usr/bin/{name}")
    return subprocess.run(
        ["/usr/bin/env", "bash", str(SCRIPT), *arguments],
        env={"PATH": str(folder / "bin")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_script_without_a_gpu_says_so_and_writes_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, str(tmp_path / "out"))
    assert (done.returncode, (tmp_path / "out").exists()) == (5, False)
    assert done.stderr.startswith("expected a GPU that nvidia-smi shows; received none")


def test_script_without_a_folder_says_which_it_wants(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode != 0
    assert "benchmarks/gpu.sh OUT" in done.stderr


def test_script_steps_take_less_than_eight_minutes() -> None:
    limits = re.findall(r"^ *(?:step|train) [\w-]+ (\d+) ", TEXT, flags=re.MULTILINE)
    assert len(limits) >= 5
    assert sum(map(int, limits)) < 8 * 60


@pytest.mark.parametrize("flags", re.findall(r"^ *train [\w-]+ \d+ (.*)$", TEXT, re.MULTILINE))
def test_script_trains_with_flags_that_exist(flags: str) -> None:
    assert read(TrainerSettings, flags.split()).recipe in ("fast", "best")


def test_script_calls_the_speed_benchmark_with_flags_that_exist() -> None:
    [flags] = re.findall(r"benchmarks\.training_speed (.*)$", TEXT, flags=re.MULTILINE)
    assert read(SpeedSettings, flags.split()).runs == 1
