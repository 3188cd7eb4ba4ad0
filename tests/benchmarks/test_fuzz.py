"""The count of fuzz inputs: a second of it for real, and what was recorded."""

import importlib.util
import json
from pathlib import Path

import pytest

from benchmarks.fuzz import RESULTS_FILE, TARGETS, bench

RECORDED = Path(__file__).parents[2] / "results" / RESULTS_FILE


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris, which guides the fuzzing, is for x86_64 only",
)
def test_fuzz_counts_the_inputs_of_a_reader(tmp_path: Path) -> None:
    found = bench(1, tmp_path, ["headers"], rounds=2)
    assert found["broken"] == []
    assert isinstance(found["inputs_together"], int)
    assert found["inputs_together"] > 100
    assert found["inputs"] == {"headers": found["inputs_together"]}


def test_recorded_fuzzing_met_every_reader_and_broke_none() -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert set(recorded["inputs"]) == set(TARGETS)
    assert sum(recorded["inputs"].values()) == recorded["inputs_together"] >= 1_000_000
    assert min(recorded["inputs"].values()) > 1_000
    assert recorded["broken"] == []
    assert recorded["command"].startswith("python -m benchmarks.fuzz")
