"""The soak: a few seconds of it for real, and what half an hour of it recorded."""

import json
from pathlib import Path

from benchmarks.soak import bench

RECORDED = Path(__file__).parents[2] / "results" / "soak.json"


def test_soak_of_seconds_fails_no_call_while_versions_take_over(tmp_path: Path) -> None:
    found = bench(0.1, tmp_path)
    assert (found["failed_calls"], found["first_faults"]) == (0, [])
    assert isinstance(found["calls"], int)
    assert found["calls"] > 10
    assert isinstance(found["memory_mib"], list)
    assert min(found["memory_mib"]) > 100


def test_recorded_soak_is_half_an_hour_without_a_failed_call() -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert recorded["minutes"] >= 30
    assert recorded["failed_calls"] == 0
    assert recorded["flat"] == (recorded["growth_from_middle_to_last_third"] <= 0.02)
    assert recorded["command"].startswith("python -m benchmarks.soak")
