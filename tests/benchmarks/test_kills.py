import json
import subprocess
import sys
from pathlib import Path

from benchmarks.kills import AIMED, RESULTS_FILE

RESULTS = Path(__file__).parents[2] / "results"


def test_bench_kills_a_few_end_in_the_same_bits(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.kills",
        "--kills",
        "3",
        "--seed",
        "3",
        "--results",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    seen = json.loads((tmp_path / RESULTS_FILE).read_text())
    assert seen["kills"] == sum(seen["phases"].values()) == 3
    assert {f"aimed at: {moment}" for moment in AIMED} <= seen["phases"].keys()
    assert seen["trainings"] == seen["trainings_ending_in_the_same_bits"] >= 1


def test_recorded_kills_are_fifty_and_changed_no_bit() -> None:
    recorded = json.loads((RESULTS / RESULTS_FILE).read_text())
    assert recorded["kills"] >= 50
    assert len(recorded["phases"]) >= 3
    assert recorded["trainings"] == recorded["trainings_ending_in_the_same_bits"]
    assert recorded["command"].startswith("python -m benchmarks.kills")
