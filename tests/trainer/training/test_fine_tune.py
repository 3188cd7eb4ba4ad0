"""Corrected drawings: read, mixed in, learned from the served version on, and scored; on toy
digits."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from digits.manifest import read_manifest
from digits.store import folder_of, held, served, versions
from tests.support.toy_digits import toy_arrays, write_toy_file
from trainer.context import Context
from trainer.data.corrections import mix, read_corrections
from trainer.data.dataset import load
from trainer.data.split import split
from trainer.errors import DataError, ResumeError
from trainer.evaluation.temperature import calibrate
from trainer.networks.architecture import build
from trainer.networks.inference import predict
from trainer.pipeline import run
from trainer.settings import TrainerSettings
from trainer.training.fine_tune import Start, read_published, read_teacher
from trainer.training.synthetic import add_drawings
from trainer.training.train import choose_teachers

LABELS = tuple("0123456789")
RELEASED = Path(__file__).parents[3] / "models" / "digits"


def write_corrections(folder: Path, count: int) -> Path:
    """Somebody's ones: they look like no digit that the network knows."""
    generator = np.random.default_rng(1)
    place = folder / "images" / "1"
    place.mkdir(parents=True)
    for number in range(count):
        image = np.zeros((28, 28), np.uint8)
        left, top, width, height = (*generator.integers(2, 8, 2), *generator.integers(14, 20, 2))
        image[top : top + height, left : left + width] = 255
        image[top + 3 : top + height - 3, left + 3 : left + width - 3] = 0
        Image.fromarray(image).save(place / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def toy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_file(tmp_path_factory.mktemp("data") / "toy.npz")


@pytest.fixture(scope="module")
def corrections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corrections(tmp_path_factory.mktemp("corrections"), 60)


def settings_in(folder: Path, toy_file: Path, **changes: object) -> TrainerSettings:
    chosen = {
        "data": toy_file,
        "dataset": "toy",
        "labels": LABELS,
        "epochs": 1,
        "validation_size": 300,
        "precision": "float32",
        "models": folder / "models",
        "publish": "best",
    }
    return TrainerSettings.model_validate(chosen | changes)


def fine_tuning(folder: Path, toy_file: Path, corrections: Path) -> TrainerSettings:
    lasting = {"epochs": 4, "learning_rate": 2e-3, "batch_size": 32}
    return settings_in(
        folder,
        toy_file,
        recipe="fine-tune",
        corrections=corrections,
        drawings=40,
        forms=20,
        run_dir=folder / "second",
        **lasting,
    )


@pytest.fixture(scope="module")
def models(
    tmp_path_factory: pytest.TempPathFactory, toy_file: Path, corrections: Path
) -> Iterator[Path]:
    """A folder with a version of toy digits and one fine-tuned from it."""
    folder = tmp_path_factory.mktemp("fine-tuned")
    first = settings_in(
        folder,
        toy_file,
        architectures=("conv3",),
        epochs=8,
        batch_size=32,
        run_dir=folder / "first",
    )
    run(first, command="first")
    run(fine_tuning(folder, toy_file, corrections), command="second")
    yield folder / "models"


def test_fine_tune_publishes_a_second_version_that_learned_the_corrections(models: Path) -> None:
    base = models / "digits"
    assert sorted({*versions(base), *held(base)}) == [1, 2]
    config = read_manifest(folder_of(base, 2)).config["fine_tuned"]
    assert (config["from_version"], config["corrections"], config["drawings"]) == (1, 60, 40)
    assert 5 < config["held_out"] < 30
    assert config["held_out_right_before"] < config["held_out"] / 2 < config["held_out_right_after"]


def test_fine_tune_keeps_network_data_and_validation_images_of_the_version(models: Path) -> None:
    before, after = (read_manifest(folder_of(models / "digits", number)) for number in (1, 2))
    assert (after.architecture, after.data) == (before.architecture, before.data)
    assert all(
        after.config[name] == before.config[name] for name in ("validation_size", "data_seed")
    )
    assert str(models.parent) not in json.dumps(after.config)


def test_fine_tune_keeps_what_the_version_knew(models: Path, toy_file: Path) -> None:
    data = load(toy_file, "toy", LABELS)
    before, after = (
        float(
            np.mean(
                predict(
                    read_published(folder_of(models / "digits", number))[0], data.x_test
                ).argmax(axis=1)
                == data.y_test
            )
        )
        for number in (1, 2)
    )
    assert before > 0.8
    assert after > before - 0.05


def test_fine_tune_with_other_corrections_in_the_same_folder_is_refused(
    models: Path, toy_file: Path, tmp_path: Path
) -> None:
    others = write_corrections(tmp_path / "others", 9)
    settings = fine_tuning(models.parent, toy_file, others)
    before = served(models / "digits")
    with pytest.raises(ResumeError, match="begun with; received others"):
        run(settings, command="again")
    assert served(models / "digits") == before


def test_fine_tune_without_a_served_version_is_refused(
    toy_file: Path, corrections: Path, tmp_path: Path
) -> None:
    with pytest.raises(ResumeError, match="expected a served version"):
        run(
            settings_in(tmp_path, toy_file, recipe="fine-tune", corrections=corrections),
            command="none",
        )


def test_fine_tune_on_other_data_than_the_version_is_refused(
    models: Path, corrections: Path, tmp_path: Path
) -> None:
    arrays = toy_arrays()
    arrays["x_train"][0, 0, 0] ^= 1
    np.savez_compressed(tmp_path / "other.npz", **arrays)  # type: ignore[arg-type]
    settings = settings_in(
        models.parent, tmp_path / "other.npz", recipe="fine-tune", corrections=corrections
    )
    with pytest.raises(DataError, match="expected the data that version"):
        run(settings, command="other")


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": "fine-tune", "forms": 0},
        {"recipe": "quick", "corrections": "somewhere"},
    ],
)
def test_corrections_and_their_recipe_go_together(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match="for the recipe fine-tune"):
        settings_in(tmp_path, tmp_path / "toy.npz", **changes)


@pytest.mark.parametrize("recipe", ["best", "notebook"])
def test_teachers_of_a_recipe_without_any_are_refused(tmp_path: Path, recipe: str) -> None:
    with pytest.raises(ValueError, match="teachers for a recipe that distils, or fine-tune"):
        settings_in(tmp_path, tmp_path / "toy.npz", recipe=recipe, teachers=(tmp_path / "1",))


def test_fine_tune_with_other_teachers_has_a_folder_of_its_own(tmp_path: Path) -> None:
    start = Start(3, build("conv3", 10), None, 0)
    folders = {
        start.folder(settings_in(tmp_path, tmp_path, recipe="fine-tune", teachers=teachers))
        for teachers in ((), (Path("models/digits/4"),), (Path("runs/best-seed1"),))
    }
    assert len(folders) == 3
    assert Path("runs/fine-tune-digits-v3-seed1-none-0-10000") in folders


def test_read_corrections_keeps_the_same_ones_apart_as_more_come_in(tmp_path: Path) -> None:
    few, more = (
        read_corrections(write_corrections(tmp_path / str(count), count), LABELS)
        for count in (12, 25)
    )
    apart = {image.tobytes() for image in few.images[few.held_out]}
    assert apart <= {image.tobytes() for image in more.images[more.held_out]}
    assert few.digest() != more.digest()


@pytest.mark.parametrize("kind", ["absent", "empty", "other class", "no picture", "wrong size"])
def test_read_corrections_that_are_none_is_refused(tmp_path: Path, kind: str) -> None:
    if kind != "absent":
        (tmp_path / "images" / ("x" if kind == "other class" else "4")).mkdir(parents=True)
    if kind == "no picture":
        (tmp_path / "images" / "4" / "a.png").write_bytes(b"none")
    if kind == "wrong size":
        Image.new("L", (20, 20)).save(tmp_path / "images" / "4" / "a.png")
    with pytest.raises(DataError, match=r"^expected "):
        read_corrections(tmp_path, LABELS)


@pytest.mark.parametrize("link", ["images", "images/1", "images/1/00.png"])
def test_read_corrections_never_follows_a_link(tmp_path: Path, link: str) -> None:
    folder = write_corrections(tmp_path / "folder", 2)
    (folder / link).rename(tmp_path / "elsewhere")
    (folder / link).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=f"received the link '{link}'"):
        read_corrections(folder, LABELS)


def test_mix_repeats_corrections_but_only_among_the_training_images(
    toy_file: Path, corrections: Path
) -> None:
    parts = split(load(toy_file, "toy", LABELS), 300, 1)
    found = read_corrections(corrections, LABELS)
    mixed = mix(parts, found)
    added = len(mixed.y_train) - len(parts.y_train)
    assert added % np.count_nonzero(~found.held_out) == 0
    assert 0.02 < added / len(mixed.y_train) < 0.06
    assert mixed.x_validation is parts.x_validation
    shown = {image.tobytes() for image in mixed.x_train}
    assert not shown & {image.tobytes() for image in found.images[found.held_out]}


def test_drawings_are_added_to_the_training_images_alone(
    models: Path, toy_file: Path, tmp_path: Path
) -> None:
    parts = split(load(toy_file, "toy", LABELS), 300, 1)
    model, _ = read_published(folder_of(models / "digits", 1))
    start = Start(1, model, None, 30)
    more, again = (start.mix(add_drawings(parts, 30, tmp_path)) for _ in range(2))
    assert len(more.y_train) == len(parts.y_train) + 30
    assert np.array_equal(more.x_train, again.x_train)
    assert more.x_validation is parts.x_validation
    assert start.findings(model) == {"from_version": 1, "drawings": 30}


def test_mix_of_nothing_to_train_with_is_refused(toy_file: Path, corrections: Path) -> None:
    found = read_corrections(corrections, LABELS)
    apart = type(found)(
        found.images[found.held_out], found.labels[found.held_out], found.held_out[found.held_out]
    )
    with pytest.raises(DataError, match="all held out"):
        mix(split(load(toy_file, "toy", LABELS), 300, 1), apart)


def test_read_published_version_is_damaged_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    with pytest.raises(ResumeError, match="expected a whole version"):
        read_published(tmp_path / "1")


def test_read_teacher_of_other_validation_images_is_refused(models: Path, toy_file: Path) -> None:
    data, folder = load(toy_file, "toy", LABELS), folder_of(models / "digits", 1)
    here, other = (
        Context(
            settings_in(models.parent, toy_file, data_seed=seed),
            "test",
            (),
            tf.distribute.get_strategy(),
            data,
            split(data, 300, seed),
        )
        for seed in (1, 2)
    )
    assert read_teacher(folder, here).name == "conv3"
    with pytest.raises(ResumeError, match="never saw this run's validation images"):
        read_teacher(folder, other)


def test_distil_from_a_published_version_trains_another_architecture(
    models: Path, toy_file: Path
) -> None:
    settings = settings_in(
        models.parent,
        toy_file,
        recipe="distilled",
        architectures=("conv5",),
        teachers=(folder_of(models / "digits", 1),),
        forms=10,
        run_dir=models.parent / "distilled",
        publish="none",
    )
    measured = run(settings, command="distil")
    assert (measured.winner.architecture, len(measured.winner.history)) == ("conv5", 1)
    assert len((settings.folder() / "added.txt").read_text().strip()) == 64


def test_fine_tune_named_teachers_stand_beside_the_served_version(
    models: Path, toy_file: Path
) -> None:
    named = folder_of(models / "digits", 1)
    settings = settings_in(models.parent, toy_file, architectures=("conv3",), recipe="fine-tune")
    data = load(toy_file, "toy", LABELS)
    strategy, parts = tf.distribute.get_strategy(), split(data, 300, 1)
    context = Context(settings, "", (), strategy, data, parts)
    start = Start(2, read_published(folder_of(models / "digits", 2))[0], None, 0)
    alone = choose_teachers(context, start.network(context))
    more = settings.model_copy(update={"teachers": (named,)})
    both = choose_teachers(replace(context, settings=more), start.network(context))
    assert [teacher.model for teacher in alone] == [start.model]
    assert both[0].model is start.model
    expected = predict(read_published(named)[0], parts.x_validation)
    assert np.array_equal(both[1].validation, expected)


def test_teachers_are_trained_and_hand_their_predictions_to_a_fine_tuning(
    models: Path, toy_file: Path
) -> None:
    added = {"drawings": 20, "forms": 20, "batch_size": 128, "publish": "none"}
    teaching = models.parent / "teachers"
    given = {"recipe": "teacher", "architectures": ("allconv",), "run_dir": teaching, **added}
    trained = run(settings_in(models.parent, toy_file, **given), command="teachers")
    assert trained.winner.architecture == "allconv"
    assert "allconv" in (teaching / "report.md").read_text()
    learning = {"recipe": "fine-tune", "teachers": (teaching,), "run_dir": models.parent / "third"}
    settings = settings_in(models.parent, toy_file, **learning, **added)
    assert run(settings, command="third").winner.architecture == "conv3"
    digest = (settings.folder() / "teachers.txt").read_text().strip()
    (targets,) = (models.parent / "targets" / digest).iterdir()
    own = len(load(toy_file, "toy", LABELS).y_train) - 300
    assert targets.stat().st_size == 32 + 4 * 10 * own


def test_read_published_released_network_answers_as_released() -> None:
    number = served(RELEASED)
    assert number is not None
    model, manifest = read_published(folder_of(RELEASED, number))
    images = toy_arrays()["x_test"][:50]
    loaded = tf.saved_model.load(str(folder_of(RELEASED, number)))
    released = loaded.signatures["serving_default"](images=tf.constant(images))
    expected = calibrate(predict(model, images), manifest.temperature).numpy()
    np.testing.assert_allclose(released["probabilities"].numpy(), expected, rtol=0, atol=1e-5)


def test_my_digits_scores_every_version(models: Path, corrections: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "trainer.score_corrections",
        "--corrections",
        str(corrections),
        "--models",
        str(models),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in done.stdout.splitlines()[2:]
        if line.startswith("|")
    ]
    assert [row[0] for row in rows] == ["digits 1", "digits 2"]
    first, second = (int(row[2].split()[0]) for row in rows)
    assert first < second
    assert all(row[2].endswith("of 60") for row in rows)


@pytest.mark.parametrize(
    "flags", [["--corrections", "absent"], ["--corrections", "absent", "--models", "nowhere"]]
)
def test_my_digits_of_nothing_is_one_line(flags: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trainer.score_corrections", *flags],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith("python -m trainer.score_corrections: expected ")
    assert "Traceback" not in done.stderr
