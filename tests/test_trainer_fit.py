import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.toy_digits import toy_arrays
from trainer import checkpoint
from trainer.architecture import build
from trainer.augment import Augmentation, draw
from trainer.errors import OutputError
from trainer.evaluate import evaluate
from trainer.fit import Lesson, fit, shuffled
from trainer.history import Epoch
from trainer.predict import predict
from trainer.recipes import Recipe
from trainer.split import Split

EPOCH = Epoch(epoch=1, loss=1, accuracy=0.5, validation_loss=1, validation_accuracy=0.5, learning_rate=0.001, seconds=1)


def small_split(images: int = 200) -> Split:
    toy = toy_arrays()
    return Split(toy["x_train"][:images], toy["y_train"][:images], toy["x_test"][:50], toy["y_test"][:50])


def small_network(seed: int) -> tuple[keras.Model, keras.Optimizer]:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(2)])
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    return model, optimizer


def variables(network: tuple[keras.Model, keras.Optimizer]) -> list[keras.Variable]:
    return [*network[0].variables, *network[1].variables]


def values(network: tuple[keras.Model, keras.Optimizer]) -> list[list[float]]:
    return [np.ravel(variable.numpy()).tolist() for variable in variables(network)]


def test_shuffled_is_a_permutation_that_follows_from_seed_and_epoch() -> None:
    order = shuffled(1000, seed=1, epoch=2)
    assert sorted(order) == list(range(1000))
    assert np.array_equal(order, shuffled(1000, seed=1, epoch=2))
    assert not np.array_equal(order, shuffled(1000, seed=1, epoch=3))
    assert not np.array_equal(order, shuffled(1000, seed=2, epoch=2))


def test_fit_learns_and_sees_every_image_of_a_last_small_batch(tmp_path: Path) -> None:
    history = fit(build("conv3", seed=1), small_split(200), Recipe(epochs=2, batch_size=64), 1, tmp_path)
    assert [epoch.epoch for epoch in history] == [1, 2]
    assert history[1].loss < history[0].loss
    assert round(history[0].accuracy * 200, 6).is_integer(), "the mean is over all 200 images, 8 of them in the last batch"
    assert list((tmp_path / "tensorboard").iterdir())


RESUME = """
import sys
from pathlib import Path
import keras, numpy as np, tensorflow as tf
from tests.test_trainer_fit import small_split
from trainer.augment import Augmentation, draw
from trainer.fit import Lesson, fit
from trainer.recipes import Recipe
tf.config.experimental.enable_op_determinism()
def train(folder, epochs, seed):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(4, 5, strides=3), layers.Flatten(), layers.BatchNormalization(),
                              layers.Dropout(0.5), layers.Dense(10, activation="softmax")])
    split, labels = small_split(), np.eye(10, dtype=np.float32)[small_split().y_train]
    # A step size that does not depend on the number of epochs, so that a training of 1 is the beginning of one of 3.
    recipe = Recipe(epochs=epochs, batch_size=32, averaging=0.9, augmentation=Augmentation(rotation=10, elastic=0.5))
    fit(model, split, recipe, 3, Path(sys.argv[1]) / folder, lesson=lambda epoch: Lesson(draw(recipe.augmentation, 200, 1, epoch), labels))
    return b"".join(np.ascontiguousarray(variable.numpy()).tobytes() for variable in model.variables)
whole = train("whole", 3, seed=3)
train("parts", 1, seed=3)
assert train("parts", 3, seed=4) == whole, "the resumed run ended elsewhere"
assert train("other", 3, seed=4) != whole, "the comparison cannot fail"
"""


def test_fit_resumed_ends_in_the_same_bits(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", RESUME, str(tmp_path)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_restore_nothing_saved_is_an_empty_history(tmp_path: Path) -> None:
    assert checkpoint.restore(tmp_path, variables(small_network(1))) == []


def test_restore_gives_back_every_variable_and_the_history(tmp_path: Path) -> None:
    saved = small_network(1)
    saved[1].apply([keras.ops.ones_like(v) for v in saved[0].trainable_variables], saved[0].trainable_variables)
    saved[0](np.ones((3, 4)), training=True)  # moves the dropout's seed on
    checkpoint.save(tmp_path, variables(saved), [EPOCH])
    other = small_network(2)
    assert values(other) != values(saved)
    assert checkpoint.restore(tmp_path, variables(other)) == [EPOCH]
    assert values(other) == values(saved)


AVERAGED = Recipe(epochs=2, batch_size=64, warmup=0.25, decay="cosine", averaging=0.9, augmentation=Augmentation(rotation=10, shift=1))


def test_fit_averaged_keeps_the_average_and_takes_the_step_size_to_zero(tmp_path: Path) -> None:
    split, labels = small_split(200), np.eye(10, dtype=np.float32)[small_split(200).y_train]
    model = build("conv3", seed=1)
    history = fit(model, split, AVERAGED, 1, tmp_path, lesson=lambda epoch: Lesson(draw(AVERAGED.augmentation, 200, 1, epoch), labels))
    assert history[0].learning_rate > history[1].learning_rate == pytest.approx(0, abs=1e-9)
    scores = evaluate(predict(model, split.x_validation), split.y_validation)
    assert scores.loss == pytest.approx(history[1].validation_loss, rel=1e-4), "what was measured is what is returned"


def test_fit_under_xla_ends_where_the_plain_training_ends(tmp_path: Path) -> None:
    def losses(*, xla: bool) -> list[float]:
        keras.utils.set_random_seed(1)
        layers = [keras.layers.Conv2D(4, 5, strides=3), keras.layers.Flatten(), keras.layers.BatchNormalization()]
        model = keras.Sequential([keras.Input((28, 28, 1)), *layers, keras.layers.Dense(10, activation="softmax")])
        labels = np.eye(10, dtype=np.float32)[small_split(100).y_train]
        bent = AVERAGED.augmentation
        folder = tmp_path / str(xla)
        history = fit(model, small_split(100), AVERAGED, 1, folder, lesson=lambda e: Lesson(draw(bent, 100, 1, e), labels), xla=xla)
        return [epoch.loss for epoch in history] + [epoch.validation_loss for epoch in history]

    assert losses(xla=True) == pytest.approx(losses(xla=False), rel=1e-3)


def test_fit_learns_the_targets_of_the_lesson_not_the_labels(tmp_path: Path) -> None:
    split = small_split(200)
    everything_is_a_three = np.tile(np.eye(10, dtype=np.float32)[3], (200, 1))
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])
    fit(
        model,
        split,
        Recipe(epochs=3, batch_size=20, learning_rate=0.01),
        1,
        tmp_path,
        lesson=lambda _: Lesson(np.zeros((200, 0), np.float32), everything_is_a_three),
    )
    assert np.mean(predict(model, split.x_validation).argmax(axis=1) == 3) > 0.9


@pytest.mark.parametrize("place", [0, 40, -1])
def test_restore_damaged_newest_falls_back_and_says_so(tmp_path: Path, place: int, caplog: pytest.LogCaptureFixture) -> None:
    network = small_network(1)
    second = EPOCH.model_copy(update={"epoch": 2})
    checkpoint.save(tmp_path, variables(network), [EPOCH])
    checkpoint.save(tmp_path, variables(network), [EPOCH, second])
    newest = max(tmp_path.glob("*.checkpoint"))
    content = bytearray(newest.read_bytes())
    content[place] ^= 1
    newest.write_bytes(content)
    assert checkpoint.restore(tmp_path, variables(network)) == [EPOCH]
    assert "damaged" in caplog.text


def test_save_keeps_the_last_two(tmp_path: Path) -> None:
    history = [EPOCH.model_copy(update={"epoch": number}) for number in (1, 2, 3)]
    for number in (1, 2, 3):
        checkpoint.save(tmp_path, variables(small_network(1)), history[:number])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-00002.checkpoint", "epoch-00003.checkpoint"]


def test_save_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="expected a run folder that can be written"):
        checkpoint.save(tmp_path / "file", variables(small_network(1)), [EPOCH])
