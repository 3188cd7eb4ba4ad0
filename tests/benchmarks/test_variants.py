"""The released network in other arithmetics: asked for real, and what was recorded of all test
digits."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.variants import RESULTS_FILE, variants
from tests.support.toy_digits import toy_arrays

RECORDED = Path(__file__).parents[2] / "results" / RESULTS_FILE


@pytest.mark.filterwarnings("ignore::UserWarning:tensorflow.lite")
def test_variants_read_nearly_alike(tmp_path: Path) -> None:
    images = toy_arrays()["x_test"][:60]
    answers = {
        name: answer(images)
        for name, answer in variants(tmp_path, toy_arrays()["x_train"][:20]).items()
    }
    exact = answers.pop("float32")
    assert list(answers) == ["bfloat16", "int8"]
    for probabilities in answers.values():
        assert probabilities.dtype == np.float32
        assert np.mean(probabilities.argmax(axis=1) == exact.argmax(axis=1)) > 0.9
        assert not np.array_equal(probabilities, exact)


def test_recorded_variants_are_of_all_test_digits() -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert recorded["command"].startswith("python -m benchmarks.variants")
    assert (recorded["test_images"], [row["arithmetic"] for row in recorded["rows"]]) == (
        10_000,
        ["float32", "bfloat16", "int8"],
    )
    exact = recorded["rows"][0]["accuracy"]
    for row in recorded["rows"]:
        assert row["interval"][0] < row["accuracy"] < row["interval"][1]
        assert row["within_0.01_points"] == (round(10_000 * (exact - row["accuracy"])) <= 1)
        assert (
            row["batch64_digits_per_s"]["over_float32"] == pytest.approx(1, abs=0.001)
            or row["arithmetic"] != "float32"
        )
