import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.support.toy_digits import toy_arrays
from trainer.data.augmentation import draw_parameters
from trainer.data.split import Split
from trainer.errors import OutputError
from trainer.evaluation.metrics import evaluate
from trainer.networks.architecture import build
from trainer.networks.inference import predict
from trainer.recipes import Augmentation, Recipe
from trainer.training.fit import fit, shuffled
from trainer.training.step import EpochData


def small_split(images: int = 200) -> Split:
    toy = toy_arrays()
    return Split(
        toy["x_train"][:images], toy["y_train"][:images], toy["x_test"][:50], toy["y_test"][:50]
    )


def test_shuffled_is_a_permutation_that_follows_from_seed_and_epoch() -> None:
    order = shuffled(1000, seed=1, epoch=2)
    assert sorted(order) == list(range(1000))
    assert np.array_equal(order, shuffled(1000, seed=1, epoch=2))
    assert not np.array_equal(order, shuffled(1000, seed=1, epoch=3))
    assert not np.array_equal(order, shuffled(1000, seed=2, epoch=2))


def test_fit_learns_and_sees_every_image_of_a_last_small_batch(tmp_path: Path) -> None:
    history = fit(
        build("conv3", seed=1), small_split(200), Recipe(epochs=2, batch_size=64), 1, tmp_path
    )
    assert [epoch.epoch for epoch in history] == [1, 2]
    assert history[1].loss < history[0].loss
    assert round(history[0].accuracy * 200, 6).is_integer(), (
        "the mean is over all 200 images, 8 of them in the last batch"
    )
    assert list((tmp_path / "tensorboard").iterdir())


def test_fit_logs_that_cannot_be_written_are_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("in the way")
    with pytest.raises(
        OutputError,
        match="expected a run folder that can be written; received: Not a directory; make room",
    ):
        fit(build("conv3", seed=1), small_split(64), Recipe(epochs=1), 1, tmp_path)


RESUME = """
import os, signal, sys
from pathlib import Path
import keras, numpy as np, tensorflow as tf
from tests.trainer.training.test_fit import small_split
from trainer.data.augmentation import draw_parameters
from trainer.training.fit import fit
from trainer.training.step import EpochData
from trainer.recipes import Augmentation, Recipe
from trainer.training.signals import Stopped
tf.config.experimental.enable_op_determinism()
def train(folder, epochs, seed, stop_in=None):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((28, 28, 1)), layers.Conv2D(4, 5, strides=3), layers.Flatten(),
        layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(10, activation="softmax"),
    ])
    # 12 batches and a rest: a training resumed after 10 meets the calls of an epoch in another
    # order.
    split, labels = small_split(100), np.eye(10, dtype=np.float32)[small_split(100).y_train]
    # A learning rate that does not depend on the number of epochs, so that a training of 1 is the
    # beginning of one of 3.
    augmentation = Augmentation(rotation=10, elastic=0.5)
    recipe = Recipe(epochs=epochs, batch_size=8, averaging=0.9, augmentation=augmentation)
    def epoch_data(epoch):
        if epoch == stop_in:
            os.kill(os.getpid(), signal.SIGTERM)
        return EpochData(draw_parameters(recipe.augmentation, 100, 1, epoch), labels)
    history = fit(model, split, recipe, 3, Path(sys.argv[1]) / folder, epoch_data=epoch_data)
    bits = [np.ascontiguousarray(variable.numpy()).tobytes() for variable in model.variables]
    return b"".join(bits), [epoch.loss for epoch in history]
whole = train("whole", 3, seed=3)
train("parts", 1, seed=3)
try:
    train("parts", 3, seed=4, stop_in=2)
    raise SystemExit("a stopped training went on")
except Stopped as stopped:
    assert (stopped.exit_code, str(stopped)) == (143, "saved after 1 epochs and 10 steps"), stopped
assert train("parts", 3, seed=5) == whole, "the resumed run ended elsewhere"
assert train("other", 3, seed=4) != whole, "the comparison cannot fail"
"""


def test_fit_stopped_and_resumed_ends_in_the_same_bits_and_losses(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RESUME, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


EDITED = """
import sys
from pathlib import Path
import keras
from tests.trainer.training.test_fit import small_split
from trainer.training import fit
from trainer.networks import inference
from trainer.recipes import Recipe
for module in (fit, inference):
    Path(module.__file__).write_text("somebody is just editing this")
dense = keras.layers.Dense(10, activation="softmax")
layers = [keras.Input((28, 28, 1)), keras.layers.Flatten(), dense]
history = fit.fit(keras.Sequential(layers), small_split(), Recipe(epochs=1), 1, Path("run"))
assert len(history) == 1
"""


def test_fit_source_edited_after_its_import_trains_all_the_same(tmp_path: Path) -> None:
    for package in ("digits", "trainer", "tests"):
        shutil.copytree(
            Path(__file__).parents[3] / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    done = subprocess.run(
        [sys.executable, "-c", EDITED],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "AutoGraph" not in done.stderr, "it looked for the source"


AVERAGED = Recipe(
    epochs=2,
    batch_size=64,
    warmup=0.25,
    decay="cosine",
    averaging=0.9,
    augmentation=Augmentation(rotation=10, shift=1),
)


def test_fit_averaged_keeps_the_average_and_takes_the_step_size_to_zero(tmp_path: Path) -> None:
    split, labels = small_split(200), np.eye(10, dtype=np.float32)[small_split(200).y_train]
    model = build("conv3", seed=1)
    history = fit(
        model,
        split,
        AVERAGED,
        1,
        tmp_path,
        epoch_data=lambda epoch: EpochData(
            draw_parameters(AVERAGED.augmentation, 200, 1, epoch), labels
        ),
    )
    assert history[0].learning_rate > history[1].learning_rate == pytest.approx(0, abs=1e-9)
    scores = evaluate(predict(model, split.x_validation), split.y_validation)
    assert scores.loss == pytest.approx(history[1].validation_loss, rel=1e-4), (
        "what was measured is what is returned"
    )


def test_fit_dropout_of_the_recipe_acts_while_training_and_leaves_the_network_its_own(
    tmp_path: Path,
) -> None:
    def train(*, own: float, recipe: float | None) -> tuple[float, float]:
        keras.utils.set_random_seed(1)
        layers = [
            keras.layers.Flatten(),
            keras.layers.Dropout(own, seed=1),
            keras.layers.Dense(10, activation="softmax"),
        ]
        model = keras.Sequential([keras.Input((28, 28, 1)), *layers])
        folder = tmp_path / f"{own}-{recipe}"
        (epoch,) = fit(
            model, small_split(200), Recipe(epochs=1, batch_size=64, dropout=recipe), 1, folder
        )
        return epoch.loss, model.layers[1].rate

    loss, rate = train(own=0.5, recipe=0.25)
    assert rate == 0.5
    assert loss == pytest.approx(train(own=0.25, recipe=None)[0], rel=1e-5)
    assert loss != pytest.approx(train(own=0.5, recipe=None)[0], rel=1e-3)
    assert train(own=0.5, recipe=0)[0] < loss


def test_fit_under_xla_ends_where_the_plain_training_ends(tmp_path: Path) -> None:
    def losses(*, xla: bool) -> list[float]:
        keras.utils.set_random_seed(1)
        layers = [
            keras.layers.Conv2D(4, 5, strides=3),
            keras.layers.Flatten(),
            keras.layers.BatchNormalization(),
        ]
        model = keras.Sequential(
            [keras.Input((28, 28, 1)), *layers, keras.layers.Dense(10, activation="softmax")]
        )
        labels = np.eye(10, dtype=np.float32)[small_split(100).y_train]
        augmentation = AVERAGED.augmentation
        folder = tmp_path / str(xla)
        history = fit(
            model,
            small_split(100),
            AVERAGED,
            1,
            folder,
            epoch_data=lambda e: EpochData(draw_parameters(augmentation, 100, 1, e), labels),
            xla=xla,
        )
        return [epoch.loss for epoch in history] + [epoch.validation_loss for epoch in history]

    assert losses(xla=True) == pytest.approx(losses(xla=False), rel=1e-3)


def test_fit_learns_the_targets_of_the_epoch_not_the_labels(tmp_path: Path) -> None:
    split = small_split(200)
    everything_is_a_three = np.tile(np.eye(10, dtype=np.float32)[3], (200, 1))
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    fit(
        model,
        split,
        Recipe(epochs=3, batch_size=20, learning_rate=0.01),
        1,
        tmp_path,
        epoch_data=lambda _: EpochData(np.zeros((200, 0), np.float32), everything_is_a_three),
    )
    assert np.mean(predict(model, split.x_validation).argmax(axis=1) == 3) > 0.9
