"""The kept results: what is written, replaced and refused, and the committed file itself."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.trainer_runs import IMAGES, made_up_history, made_up_run
from trainer import provenance
from trainer.errors import OutputError
from trainer.evaluation import published_baseline
from trainer.evaluation.result import Run
from trainer.networks.history import Epoch, read_history, write_history
from trainer.reports import report
from trainer.reports.results import RESULTS_FILE, plots_name, read_results, record

ROOT = Path(__file__).parents[3]
PROMISED = {
    *(
        "architecture",
        "recipe",
        "seed",
        "epochs",
        "precision",
        "validation_accuracy",
        "test_accuracy",
        "test_loss",
    ),
    *("seconds", "machine", "versions", "command"),
}
"""Fields that the project promises of every result."""


def test_record_first_run_writes_one_object_a_network_with_every_promised_field(
    tmp_path: Path,
) -> None:
    record(made_up_run(), tmp_path / "run", tmp_path / "results")
    kept = json.loads((tmp_path / "results" / RESULTS_FILE).read_text())
    assert [result["architecture"] for result in kept] == ["conv3", "conv7"]
    assert all(result.keys() >= PROMISED for result in kept)
    assert (kept[0]["test_accuracy"], kept[0]["seconds"], kept[0]["epochs"], kept[0]["seed"]) == (
        0.9908,
        300.0,
        3,
        1,
    )
    assert len(kept[0]["validation_accuracy_by_epoch"]) == 3


def test_record_same_run_again_replaces_its_objects(tmp_path: Path) -> None:
    record(made_up_run(wrong=92), tmp_path, tmp_path)
    record(made_up_run(wrong=80), tmp_path, tmp_path)
    assert [result.test["accuracy"] for result in read_results(tmp_path)] == [0.9920, 0.9930]


@pytest.mark.parametrize(
    "other", [made_up_run(seed=2), made_up_run(epochs=4), made_up_run(data="fashion")]
)
def test_record_other_run_is_added(tmp_path: Path, other: Run) -> None:
    record(made_up_run(), tmp_path, tmp_path)
    record(other, tmp_path, tmp_path)
    assert len(read_results(tmp_path)) == 4


def test_record_many_runs_at_once_keeps_the_entries_of_all(tmp_path: Path) -> None:
    runs = [made_up_run(seed=seed) for seed in range(1, 9)]
    with ThreadPoolExecutor(len(runs)) as pool:
        list(pool.map(lambda run: record(run, tmp_path / "run", tmp_path / "results"), runs))
    assert {result.seed for result in read_results(tmp_path / "results")} == set(range(1, 9))


def test_record_any_order_of_runs_writes_the_same_file(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for run in (made_up_run(seed=1), made_up_run(seed=2)):
        record(run, tmp_path, first)
    for run in (made_up_run(seed=2), made_up_run(seed=1)):
        record(run, tmp_path, second)
    assert (first / RESULTS_FILE).read_bytes() == (second / RESULTS_FILE).read_bytes()


def test_record_keeps_the_plots_of_the_report(tmp_path: Path) -> None:
    run = made_up_run(test_size=200)
    report.write(run, tmp_path / "run", IMAGES)
    record(run, tmp_path / "run", tmp_path / "results")
    kept = sorted(
        path.name for path in (tmp_path / "results" / "plots" / plots_name(run)).iterdir()
    )
    assert (tmp_path / "run" / "plots" / "mistakes-conv3-test.png").exists(), (
        "pictures of the data set stay with the run"
    )
    assert kept == [
        *(
            "comparison.png",
            "confidence.json",
            "confusion-conv3.png",
            "confusion-conv7.png",
            "loss-conv3.png",
            "loss-conv7.png",
        ),
        *("reliability-conv3.png", "reliability-conv7.png", "risk-coverage.png"),
    ]


def test_record_keeps_how_far_the_probabilities_can_be_believed(tmp_path: Path) -> None:
    run = made_up_run(wrong=1_700)
    record(run, tmp_path, tmp_path)
    confidence, (kept, _) = run.networks[0].confidence, read_results(tmp_path)
    assert kept.temperature == confidence.temperature != 1
    assert (kept.test["nll"], kept.test["calibrated_nll"]) == (
        confidence.test.as_trained.nll,
        confidence.test.calibrated.nll,
    )
    assert kept.validation["calibrated_nll"] < kept.validation["nll"]
    assert kept.disputed is not None
    assert (kept.disputed.images, kept.disputed.errors) == (15, 2)


def test_record_leaves_older_entries_without_these_figures_as_they_are(tmp_path: Path) -> None:
    record(made_up_run(seed=1), tmp_path, tmp_path)
    older = json.loads((tmp_path / RESULTS_FILE).read_text())
    for entry in older:
        del entry["temperature"], entry["test_nll"], entry["validation_nll"]
    (tmp_path / RESULTS_FILE).write_text(json.dumps(older))
    record(made_up_run(seed=2), tmp_path, tmp_path)
    kept = json.loads((tmp_path / RESULTS_FILE).read_text())
    assert [entry for entry in kept if entry["seed"] == 1] == older
    assert [result.temperature is None for result in read_results(tmp_path)] == [
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", '[{"architecture": "conv3"}]'])
def test_record_file_that_is_not_ours_is_refused_and_left(tmp_path: Path, content: str) -> None:
    (tmp_path / RESULTS_FILE).write_text(content)
    with pytest.raises(OutputError, match="fix it or move it away"):
        record(made_up_run(), tmp_path, tmp_path)
    assert (tmp_path / RESULTS_FILE).read_text() == content


def test_record_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file in the way")
    with pytest.raises(OutputError, match="a results folder that can be written"):
        record(made_up_run(), tmp_path, tmp_path / "results")


def test_run_as_json_comes_back_equal() -> None:
    run = made_up_run()
    assert Run.model_validate_json(run.model_dump_json()) == run


def test_history_written_and_read_is_equal(tmp_path: Path) -> None:
    write_history(made_up_history(), tmp_path / "history.json")
    assert read_history(tmp_path / "history.json") == made_up_history()


def test_history_of_a_diverged_training_can_be_read_back(tmp_path: Path) -> None:
    diverged = made_up_history(1)[0].model_copy(
        update={"loss": float("nan"), "validation_loss": float("inf")}
    )
    write_history([diverged], tmp_path / "history.json")
    (epoch,) = read_history(tmp_path / "history.json")
    assert epoch.loss != epoch.loss
    assert epoch.validation_loss == float("inf")


def test_history_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "history.json").write_text('[{"epoch": 0}]')
    with pytest.raises(ValueError, match=Epoch.__name__.lower()):
        read_history(tmp_path / "history.json")


@pytest.mark.parametrize(
    ("accuracy", "words"),
    [
        (0.9908, "reached exactly"),
        (0.9918, "reached, 0.0010 above"),
        (0.9900, "missed by 0.0008, within one standard error (0.0010)"),
        (0.9870, "missed by 0.0038, 4.0 standard errors (0.0010)"),
    ],
)
def test_judge_accuracy_says_how_far_it_is(accuracy: float, words: str) -> None:
    assert published_baseline.judge(accuracy, published_baseline.REFERENCES["conv3"]) == words


@pytest.mark.parametrize(
    ("architecture", "data", "size"),
    [("conv9", "mnist", 10_000), ("conv3", "fashion", 10_000), ("conv3", "mnist", 9_999)],
)
def test_find_reference_for_other_images_or_networks_is_none(
    architecture: str, data: str, size: int
) -> None:
    assert published_baseline.find(architecture, data, size) is None


def test_describe_machine_names_cores_and_cards_but_no_host() -> None:
    described = provenance.describe_machine(["Some Card"])
    assert re.fullmatch(r".+, \d+ cores?, Some Card, \w+ \w+", described)
    assert Path("/proc/sys/kernel/hostname").read_text().strip() not in described.split()


def test_describe_versions_needs_no_tensorflow_import() -> None:
    versions = provenance.describe_versions()
    assert set(versions) == {"python", "tensorflow", "keras", "numpy"}
    assert all(re.match(r"\d+\.\d+", number) for number in versions.values())


def test_committed_results_are_complete_and_name_no_machine_path() -> None:
    committed = ROOT / "results" / RESULTS_FILE
    if not committed.exists():
        pytest.skip("results/training.json is not there yet: nothing has been recorded")
    results = read_results(ROOT / "results")
    assert {"conv3", "conv5", "conv7"} <= {
        r.architecture
        for r in results
        if r.recipe == "notebook" and r.data == "mnist" and r.epochs == 12
    }
    assert len({result.key for result in results}) == len(results)
    for result in results:
        assert len(result.validation_accuracy_by_epoch) == result.epochs
        assert not re.search(r"(?<![\w.])/\w+", result.command), "a path that others do not have"
