"""The stages of a drawing: each is timed, and what was recorded is of the released version."""

import json
from pathlib import Path

from benchmarks.drawings import CASES, RESULTS_FILE, measure
from digits import store

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models" / "digits"
STAGES = {"decode", "ink", "placing", "network", "drawings", "explain"}


def test_measure_times_every_stage_of_every_case() -> None:
    number = store.served(MODELS)
    assert number is not None
    found = measure(store.folder_of(MODELS, number), calls=4)
    assert found.keys() == CASES.keys()
    for stages in found.values():
        assert stages.keys() == STAGES
        for times in stages.values():
            assert 0 < times["least"] <= times["median"] <= times["third_quartile"]


def test_recorded_times_are_of_every_case() -> None:
    recorded = json.loads((ROOT / "results" / RESULTS_FILE).read_text(encoding="utf-8"))
    assert recorded["command"].startswith("python -m benchmarks.drawings")
    assert recorded["milliseconds"].keys() == CASES.keys()
