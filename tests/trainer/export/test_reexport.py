"""Export a published version again: the same weights in the present graph, as the next number."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from digits.manifest import read_manifest
from digits.store import folder_of, served
from tests.support.toy_digits import toy_arrays, write_toy_file
from trainer.errors import DataError
from trainer.export.reexport import main, reexport
from trainer.pipeline import run
from trainer.settings import TrainerSettings
from trainer.training.fine_tune import read_published

LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture(scope="module")
def toy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_file(tmp_path_factory.mktemp("data") / "toy.npz")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, toy_file: Path) -> Path:
    """A model with one version."""
    models = tmp_path_factory.mktemp("models")
    settings = {
        "data": toy_file,
        "dataset": "toy",
        "labels": LABELS,
        "architectures": ("conv3",),
        "recipe": "quick",
        "epochs": 1,
        "validation_size": 300,
        "precision": "float32",
        "publish": "best",
        "models": models,
        "run_dir": models.parent / "run",
    }
    run(TrainerSettings.model_validate(settings), "python -m trainer", None)
    return models / "digits"


def test_reexport_publishes_the_same_weights_as_the_next_version(
    base: Path, toy_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--models", str(base.parent), "--runs", str(base.parent.parent)]
    arguments = ["1", *places, "--data", str(toy_file), "--force"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "is also version 2, served" in said
    assert "preparing drawings" not in said, "those of the training"
    assert served(base) == 2
    (old, before), (new, after) = (read_published(folder_of(base, number)) for number in (1, 2))
    for one, other in zip(old.get_weights(), new.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert after.config == before.config | {"exported_from": 1}
    assert after.temperature == pytest.approx(before.temperature)
    assert after.metrics["test"] == pytest.approx(before.metrics["test"])
    loaded = tf.saved_model.load(str(folder_of(base, 2)))
    images = tf.constant(toy_arrays()["x_test"][:5])
    assert loaded.signatures["serving_default"](images=images)["digit"].shape == (5,)


def test_reexport_with_other_data_is_refused_and_publishes_nothing(
    base: Path, tmp_path: Path
) -> None:
    arrays = toy_arrays()
    arrays["x_test"] = arrays["x_test"][::-1]
    other = tmp_path / "other.npz"
    np.savez(other, **arrays)  # type: ignore[arg-type]
    before = served(base)
    with pytest.raises(DataError, match="expected the data that version 1 was trained on"):
        reexport(base, 1, other, "a command")
    assert served(base) == before
    assert read_manifest(folder_of(base, 1)).data["name"] == "toy"
