import json
import subprocess
import sys
from pathlib import Path

from benchmarks.swaps import KINDS, RESULTS_FILE

RESULTS = Path(__file__).parents[2] / "results"


def test_swaps_good_and_bad_fail_no_call(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.swaps",
        "--swaps",
        str(2 * len(KINDS)),
        "--results",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    check(json.loads((tmp_path / RESULTS_FILE).read_text()))


def test_recorded_swaps_are_a_thousand_failed_no_call_and_keep_no_memory() -> None:
    recorded = json.loads((RESULTS / RESULTS_FILE).read_text())
    assert recorded["swaps"] >= 1_000
    assert recorded["memory_mib"][-1] < 1.1 * recorded["memory_mib"][1]
    check(recorded)


def check(seen: dict[str, object]) -> None:
    published = seen["published"]
    assert isinstance(published, dict)
    assert sum(published.values()) == seen["swaps"]
    assert seen["refused_with_a_reason"] == published["flipped bit"] + published["failing warm-up"]
    assert seen["versions_that_answered"] >= (published["good"] + published["slow warm-up"]) / 2
    assert seen["failed_calls"] == seen["answers_of_another_version_than_they_name"] == 0
