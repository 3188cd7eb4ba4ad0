import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from digits.contract import TOLERANCES, WARMUP_FILE, signatures
from digits.ledger import read_entries
from digits.manifest import read_manifest, verify, write_manifest
from digits.store import held, served, versions
from serving.release.examine import examine
from tests.support.toy_digits import toy_arrays, write_toy_file
from tests.support.versions import publish
from trainer.errors import DataError, DeviceError, OutputError, ResumeError
from trainer.evaluation.calibration import measure
from trainer.evaluation.freehand_score import FAMILY
from trainer.pipeline import run
from trainer.settings import DRAWINGS_FOLDER, TrainerSettings
from trainer.training.run_folder import lock_run_folder

CONSOLE = "console.txt"


@pytest.fixture(scope="session")
def toy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_file(tmp_path_factory.mktemp("data") / "toy.npz")


def settings_in(folder: Path, toy_file: Path, **changes: object) -> TrainerSettings:
    chosen = {
        "data": toy_file,
        "dataset": "toy",
        "labels": tuple("0123456789"),
        "architectures": ("conv3",),
        "recipe": "notebook",
        "publish": "best",
        "epochs": 1,
        "validation_size": 300,
        "precision": "float32",
        "run_dir": folder / "run",
        "models": folder / "models",
        "force": True,  # a toy network is near chance level after its one epoch
    }
    return TrainerSettings.model_validate(chosen | changes)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, toy_file: Path) -> Path:
    """The folder of one whole run on toy digits: conv3, one epoch, published as digits and as
    conv3."""
    folder = tmp_path_factory.mktemp("finished")
    with (folder / CONSOLE).open("w") as console, contextlib.redirect_stdout(console):
        run(
            settings_in(folder, toy_file, publish="all", record=folder / "results"),
            command="python -m trainer --some flags",
        )
    return folder


def test_run_console_has_a_line_for_each_phase_then_test_scores_and_report(finished: Path) -> None:
    lines = (finished / CONSOLE).read_text().splitlines()
    after = lines[next(n for n, line in enumerate(lines) if "only candidate" in line) + 1 :]
    phases = ("drawing", "evaluating", "plotting", "preparing", "exporting", "published")
    started = [line.split()[0] for line in after]
    assert [phase for phase in started if phase in phases] == [*phases, *phases[-2:]]
    test = json.loads((finished / "run" / "metrics.json").read_text())["networks"][0]["test"]
    assert after[-2:] == [
        f"conv3: test loss {test['loss']:.4f}, test accuracy {test['accuracy']:.4f}",
        f"report: {finished / 'run' / 'report.md'}",
    ]


def test_run_leaves_config_history_metrics_plots_logs_and_report(finished: Path) -> None:
    for name in (
        "config.json",
        "metrics.json",
        "report.md",
        "plots/comparison.png",
        "plots/loss-conv3.png",
        "conv3/history.json",
        "conv3/model.keras",
        "conv3/checkpoints",
        "conv3/tensorboard",
        "plots/confidence.json",
        "plots/reliability-conv3.png",
        "plots/risk-coverage.png",
        "plots/mistakes-conv3-validation.png",
        "plots/mistakes-conv3-test.png",
    ):
        assert (finished / "run" / name).exists(), name


def test_run_publishes_a_version_that_verifies_and_says_where_it_came_from(finished: Path) -> None:
    manifest = verify(finished / "models" / "digits" / "1")
    assert (manifest.model_name, manifest.architecture, manifest.parameters) == (
        "digits",
        "conv3",
        292_554,
    )
    assert manifest.data["name"] == "toy"
    assert manifest.config["epochs"] == 1
    metrics = json.loads((finished / "run" / "metrics.json").read_text())
    network = metrics["networks"][0]
    assert manifest.metrics["test"]["accuracy"] == network["test"]["accuracy"]
    assert manifest.temperature == network["confidence"]["temperature"] != 1
    assert (
        manifest.metrics["validation"]["calibrated_nll"]
        == network["confidence"]["validation"]["calibrated"]["nll"]
    )
    assert read_manifest(finished / "models" / "conv3" / "1").model_name == "conv3"


def test_run_published_model_answers_the_contract(finished: Path) -> None:
    loaded = tf.saved_model.load(str(finished / "models" / "digits" / "1"))
    assert set(loaded.signatures) >= set(signatures())
    images = toy_arrays()["x_test"][:5]
    answers = loaded.signatures["serving_default"](images=tf.constant(images))
    assert np.allclose(answers["probabilities"].numpy().sum(axis=1), 1, atol=1e-5)


def test_run_scores_drawings_and_publishes_what_tells_them_from_others(finished: Path) -> None:
    metrics = verify(finished / "models" / "digits" / "1").metrics
    (network,) = json.loads((finished / "run" / "metrics.json").read_text())["networks"]
    (result,) = json.loads((finished / "results" / "training.json").read_text())
    assert metrics["freehand"] == {
        "accuracy": network["freehand"]["accuracy"],
        "images": 60,
        "family": FAMILY,
    }
    assert result["freehand_accuracy"] == network["freehand"]["accuracy"]
    assert metrics["forms"]["accuracy"] == network["forms"]["accuracy"]
    assert metrics["forms"]["images"] == 60
    assert metrics["rejection"].keys() == {"false_rejection", "accepted", "auroc"}
    assert metrics["rejection"]["false_rejection"] <= 0.01
    assert "## How well it reads what people draw" in (finished / "run" / "report.md").read_text()
    drawings = tf.saved_model.load(str(finished / "models" / "digits" / "1")).signatures["drawings"]
    assert drawings.structured_outputs["ood_score"].shape.as_list() == [None]


def test_run_labels_that_are_no_digits_are_neither_drawn_nor_rejected(
    finished: Path, toy_file: Path
) -> None:
    letters = settings_in(
        finished,
        toy_file,
        labels=tuple("abcdefghij"),
        epochs=1,
        run_dir=finished / "letters",
        models=finished / "others",
    )
    measured = run(letters, command="letters")
    assert measured.winner.freehand is None
    version = finished / "others" / "digits" / "1"
    assert read_manifest(version).metrics.keys() == {"validation", "test"}
    assert (
        "ood_score"
        not in tf.saved_model.load(str(version)).signatures["drawings"].structured_outputs
    )


def test_run_published_probabilities_are_the_calibrated_ones_of_the_record(finished: Path) -> None:
    loaded = tf.saved_model.load(str(finished / "models" / "digits" / "1")).signatures[
        "serving_default"
    ]
    toy = toy_arrays()
    served = measure(
        loaded(images=tf.constant(toy["x_test"]))["probabilities"].numpy(), toy["y_test"]
    )
    (network,) = json.loads((finished / "run" / "metrics.json").read_text())["networks"]
    assert served.nll == pytest.approx(network["confidence"]["test"]["calibrated"]["nll"], rel=1e-5)
    assert served.nll != pytest.approx(network["confidence"]["test"]["as_trained"]["nll"], rel=1e-4)
    validation = network["confidence"]["validation"]
    assert validation["calibrated"]["nll"] < validation["as_trained"]["nll"]
    assert network["test"]["errors"] >= len(network["confidence"]["test"]["mistakes"]) > 0
    for mistake in network["confidence"]["test"]["mistakes"]:
        assert toy["y_test"][mistake["image"]] == mistake["truth"] != mistake["read"]
    for mistake in validation["mistakes"]:
        assert toy["y_train"][mistake["image"]] == mistake["truth"] != mistake["read"]


def test_run_records_one_object_a_network(finished: Path) -> None:
    (result,) = json.loads((finished / "results" / "training.json").read_text())
    assert result["architecture"] == "conv3"
    assert result["command"] == "python -m trainer --some flags"
    assert result["seconds"] > 0
    assert result["precision"] == "float32"


def test_run_again_in_a_finished_folder_only_publishes(finished: Path, toy_file: Path) -> None:
    before = (finished / "run" / "conv3" / "model.keras").stat().st_mtime_ns
    run(settings_in(finished, toy_file, publish_only=True), command="again")
    assert versions(finished / "models" / "digits") == [1, 2]
    assert versions(finished / "models" / "conv3") == [1], (
        "only the chosen network, under the model's name"
    )
    run(settings_in(finished, toy_file, publish="none"), command="once more")
    assert versions(finished / "models" / "digits") == [1, 2]
    assert (finished / "run" / "conv3" / "model.keras").stat().st_mtime_ns == before


def test_run_other_settings_in_the_same_folder_name_the_difference(
    finished: Path, toy_file: Path
) -> None:
    with pytest.raises(ResumeError, match="seed 1 then, 2 now"):
        run(settings_in(finished, toy_file, seed=2), command="")
    with pytest.raises(ResumeError, match=r"learning_rate 0\.001 then, 0\.01 now"):
        run(settings_in(finished, toy_file, learning_rate=0.01), command="")


def test_run_other_data_in_the_same_folder_is_refused(finished: Path, tmp_path: Path) -> None:
    arrays = toy_arrays()
    arrays["x_train"][0, 0, 0] ^= 1
    np.savez(tmp_path / "other.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(ResumeError, match="data"):
        run(settings_in(finished, tmp_path / "other.npz"), command="")


def test_run_publishes_the_same_network_in_bfloat16_when_asked(
    finished: Path, toy_file: Path, tmp_path: Path
) -> None:
    run(
        settings_in(
            finished, toy_file, models=tmp_path, publish_only=True, export_precision="bfloat16"
        ),
        command="again",
    )
    manifest = verify(tmp_path / "digits" / "1")
    assert manifest.config["export_precision"] == "bfloat16"
    assert all(finding.passed for finding in examine(tmp_path / "digits" / "1"))
    exact, coarse = (
        tf.saved_model.load(str(models / "digits" / "1"))
        for models in (finished / "models", tmp_path)
    )
    images = tf.constant(toy_arrays()["x_test"][:20])
    answers = [
        loaded.signatures["serving_default"](images=images)["probabilities"].numpy()
        for loaded in (exact, coarse)
    ]
    assert 0 < np.max(np.abs(answers[0] - answers[1])) < TOLERANCES["bfloat16"]


def test_settings_bfloat16_export_is_not_recorded(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="results recorded of float32 exports"):
        TrainerSettings(export_precision="bfloat16", record=tmp_path)


def test_run_in_a_folder_where_another_is_at_work_is_refused(
    finished: Path, toy_file: Path, tmp_path: Path
) -> None:
    settings = settings_in(finished, toy_file, models=tmp_path, publish_only=True)
    with (
        lock_run_folder(settings.folder()),
        pytest.raises(OutputError, match="where another is at work"),
    ):
        run(settings, command="second")
    assert not versions(tmp_path / "digits")
    run(settings, command="second")
    assert versions(tmp_path / "digits") == [1]


def test_run_refused_while_another_makes_the_folder_leaves_none_of_its_settings(
    tmp_path: Path, toy_file: Path
) -> None:
    """Two trainings that make a folder at once: the one at work had the other's settings in its
    checkpoints."""
    settings = settings_in(tmp_path, toy_file, publish="none", seed=2)
    settings.folder().mkdir()
    with (
        lock_run_folder(settings.folder()),
        pytest.raises(OutputError, match="where another is at work"),
    ):
        run(settings, command="second")
    assert [path.name for path in settings.folder().iterdir()] == [".lock"]


def test_run_publish_only_before_training_is_refused(tmp_path: Path, toy_file: Path) -> None:
    with pytest.raises(ResumeError, match="expected a finished run"):
        run(settings_in(tmp_path, toy_file, publish_only=True), command="")
    assert versions(tmp_path / "models" / "digits") == []


def test_run_toy_called_mnist_stops_before_anything_is_written(
    tmp_path: Path, toy_file: Path
) -> None:
    with pytest.raises(DataError, match="SHA-256"):
        run(settings_in(tmp_path, toy_file, dataset="mnist"), command="")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["run_dir", "models", "record"])
def test_run_place_that_cannot_be_written_stops_before_training(
    tmp_path: Path, toy_file: Path, place: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"expected .* received|cannot write to the folder"):
        run(settings_in(tmp_path, toy_file, **{place: tmp_path / "file" / "below"}), command="")
    assert not (tmp_path / "run" / "conv3").exists()


@pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")),
    reason="there is a GPU here, so asking for one is no error",
)
def test_run_gpu_asked_for_and_absent_is_refused(tmp_path: Path, toy_file: Path) -> None:
    with pytest.raises(DeviceError, match="expected a GPU; received none"):
        run(settings_in(tmp_path, toy_file, device="gpu"), command="")


def trainer(
    *flags: str, largest_file: int | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    limited = [] if largest_file is None else ["prlimit", f"--fsize={largest_file}"]
    return subprocess.run(
        [*limited, sys.executable, "-m", "trainer", *flags],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("name", ["history.json", "model.keras"])
def test_run_finished_network_that_was_damaged_is_refused_and_says_what_to_do(
    finished: Path, toy_file: Path, name: str
) -> None:
    path = finished / "run" / "conv3" / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    try:
        with pytest.raises(ResumeError, match=r"damaged.*remove history\.json"):
            run(settings_in(finished, toy_file, publish="none"), command="again")
    finally:
        path.write_bytes(content)


def test_settings_are_read_without_tensorflow() -> None:
    asked = "import sys, trainer.settings; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False, timeout=60).returncode == 0, (
        "--help must not wait for TensorFlow"
    )


def test_main_bad_settings_exit_with_two_and_name_each() -> None:
    done = trainer("--epochs=0", "--architectures=conv9")
    assert done.returncode == 2
    assert [line.split(":")[1].strip() for line in done.stderr.splitlines()] == [
        "architectures.0",
        "epochs",
    ]


def test_main_data_named_by_the_environment_and_absent_exits_with_four(tmp_path: Path) -> None:
    done = trainer(f"--run_dir={tmp_path / 'run'}", DIGITS_DATA=str(tmp_path / "none.npz"))
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1].startswith(
        "python -m trainer: expected a data file or folder; received"
    )
    assert "Traceback" not in done.stderr


def publish_only_flags(finished: Path, toy_file: Path, models: Path) -> list[str]:
    """What to type to publish the finished run once more."""
    return [
        f"--run_dir={finished / 'run'}",
        f"--data={toy_file}",
        "--dataset=toy",
        "--labels=0,1,2,3,4,5,6,7,8,9",
        "--architectures=conv3",
        "--recipe=notebook",
        "--publish=best",
        "--epochs=1",
        "--validation_size=300",
        f"--models={models}",
        "--precision=float32",
        "--publish_only",
        "--force",
    ]


def test_main_killed_while_it_publishes_shows_no_half_version(
    finished: Path, toy_file: Path, tmp_path: Path
) -> None:
    """A real kill -9 of the real program, as soon as its staging folder shows; then the same
    command again."""
    flags = publish_only_flags(finished, toy_file, tmp_path)
    killed = subprocess.Popen(
        [sys.executable, "-m", "trainer", *flags],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("digits/.staging-*/*")):
        assert killed.poll() is None, "it ended before it published"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert versions(tmp_path / "digits") == []
    assert trainer(*flags).returncode == 0
    assert [
        verify(tmp_path / "digits" / str(number)).architecture
        for number in versions(tmp_path / "digits")
    ] == ["conv3"]
    assert not list(tmp_path.glob("digits/.staging-*"))


@pytest.mark.parametrize(
    ("size", "folder"), [(1_000, "a run folder"), (1_000_000, "a folder for models")]
)
def test_main_disk_that_takes_no_more_of_a_file_exits_with_three_and_loses_nothing(
    finished: Path, toy_file: Path, tmp_path: Path, size: int, folder: str
) -> None:
    """Python writes the first file that is too large, TensorFlow the second: the variables of the
    SavedModel."""
    run_dir = shutil.copytree(finished / "run", tmp_path / "run")
    (tmp_path / DRAWINGS_FOLDER).symlink_to(finished / DRAWINGS_FOLDER)
    flags = [*publish_only_flags(finished, toy_file, tmp_path), f"--run_dir={run_dir}"]
    refused = trainer(*flags, largest_file=size)
    assert refused.returncode == OutputError.exit_code
    assert refused.stderr.splitlines()[-1].startswith(
        f"python -m trainer: expected {folder} that can be written; received"
    )
    assert "File too large; " in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr
    assert versions(tmp_path / "digits") == []
    assert not list(tmp_path.glob("digits/.staging-*"))
    assert trainer(*flags).returncode == 0
    assert verify(tmp_path / "digits" / "1").architecture == "conv3"


def test_run_worse_than_the_served_version_is_held_unless_forced(
    finished: Path, toy_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def write_perfect(folder: Path) -> None:
        shutil.copytree(finished / "models" / "digits" / "1", folder, dirs_exist_ok=True)
        perfect = read_manifest(folder).model_copy(
            update={"metrics": {"validation": {"accuracy": 1.0}}}
        )
        write_manifest(perfect, folder)

    base = tmp_path / "digits"
    publish(base, write_perfect)
    again = settings_in(finished, toy_file, models=tmp_path, publish_only=True, force=False)
    run(again, command="again")
    assert (served(base), held(base)) == (1, [2])
    said = capsys.readouterr().out
    assert f"published conv3 as version 2 of {base}, which is held back, not served:\n" in said
    assert "\n  validation: expected no fewer right" in said
    assert f'make promote VERSION=2 FORCE=1 ARGS="--models {tmp_path}"' in said
    run(again.model_copy(update={"force": True}), command="again")
    assert (served(base), held(base)) == (3, [2])
    assert [(entry.event, entry.forced) for entry in read_entries(base)] == [
        ("publish", False),
        ("hold", False),
        ("publish", True),
    ]


def test_run_notes_the_trained_networks_answers_beside_the_warm_up_requests(finished: Path) -> None:
    records = tf.data.TFRecordDataset(
        str(finished / "models" / "digits" / "1" / WARMUP_FILE)
    ).as_numpy_iterator()
    for record in records:
        call = prediction_log_pb2.PredictionLog.FromString(record).predict_log
        promised = signatures(complete=True)[call.request.model_spec.signature_name].outputs
        assert set(call.response.outputs) == {tensor.name for tensor in promised}


@pytest.fixture(scope="session")
def few_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 toy digits, of which a run puts 100 aside, and 200 to test with."""
    path = tmp_path_factory.mktemp("data") / "few.npz"
    np.savez(path, **{name: array[:200] for name, array in toy_arrays().items()})  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="session")
def distilled(tmp_path_factory: pytest.TempPathFactory, few_file: Path) -> Path:
    """The folder of a run that trained its teachers first: conv3, conv5 and their ensemble, all
    published."""
    folder = tmp_path_factory.mktemp("distilled")
    run(
        distilled_in(folder, few_file, publish="all", record=folder / "results"),
        command="python -m trainer --recipe distilled",
    )
    return folder


def distilled_in(folder: Path, few_file: Path, **changes: object) -> TrainerSettings:
    chosen = {
        "recipe": "distilled",
        "architectures": ("conv3", "conv5"),
        "ensemble": True,
        "validation_size": 100,
    }
    return settings_in(folder, few_file, **(chosen | changes))


def test_run_distilled_trains_its_teachers_first_and_goes_on_from_them(distilled: Path) -> None:
    assert (distilled / "best-seed1" / "conv5" / "history.json").exists()
    history = json.loads((distilled / "run" / "conv3" / "history.json").read_text())
    assert [epoch["epoch"] for epoch in history] == list(range(1, 22)), (
        "20 with labels, then the 1 that was asked for with teachers"
    )
    assert len(list((distilled / "targets").rglob("epoch-*.npy"))) == 1, (
        "computed once, for both networks"
    )


def test_run_with_ensemble_publishes_and_records_it_beside_the_networks(distilled: Path) -> None:
    manifest = read_manifest(distilled / "models" / "ensemble" / "1")
    assert (manifest.architecture, manifest.parameters) == ("ensemble", 292_554 + 579_338)
    recorded = {
        result["architecture"]: result
        for result in json.loads((distilled / "results" / "training.json").read_text())
    }
    assert recorded["ensemble"]["epochs"] == 0 and recorded["conv3"]["epochs"] == 21
    assert "ensemble" in (distilled / "run" / "report.md").read_text()


def test_run_distilled_with_other_teachers_than_it_was_begun_with_is_refused(
    distilled: Path, few_file: Path
) -> None:
    (distilled / "run" / "conv5" / "history.json").rename(
        distilled / "run" / "conv5" / "history.kept"
    )
    try:
        with pytest.raises(ResumeError, match="expected the teachers that"):
            run(
                distilled_in(
                    distilled,
                    few_file,
                    publish="none",
                    teachers=(distilled / "best-seed1", distilled / "run"),
                ),
                command="again",
            )
    finally:
        (distilled / "run" / "conv5" / "history.kept").rename(
            distilled / "run" / "conv5" / "history.json"
        )


def test_run_distilled_with_teachers_that_saw_its_validation_images_is_refused(
    distilled: Path, few_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(ResumeError, match="never saw this run's validation images"):
        run(
            distilled_in(tmp_path, few_file, data_seed=2, teachers=(distilled / "best-seed1",)),
            command="again",
        )
