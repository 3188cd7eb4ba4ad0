import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.toy_digits import toy_arrays
from trainer import checkpoint
from trainer.architecture import build
from trainer.errors import OutputError
from trainer.fit import fit, shuffled
from trainer.history import Epoch
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


def values(model: keras.Model, optimizer: keras.Optimizer) -> list[list[float]]:
    return [np.ravel(variable.numpy()).tolist() for variable in [*model.variables, *optimizer.variables]]


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
from trainer.fit import fit
from trainer.recipes import Recipe
tf.config.experimental.enable_op_determinism()
def train(folder, epochs, seed):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(4, 5, strides=3), layers.Flatten(), layers.BatchNormalization(),
                              layers.Dropout(0.5), layers.Dense(10, activation="softmax")])
    fit(model, small_split(), Recipe(epochs=epochs, batch_size=32), 3, Path(sys.argv[1]) / folder)
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
    assert checkpoint.restore(tmp_path, *small_network(1)) == []


def test_restore_gives_back_every_variable_and_the_history(tmp_path: Path) -> None:
    saved = small_network(1)
    saved[1].apply([keras.ops.ones_like(v) for v in saved[0].trainable_variables], saved[0].trainable_variables)
    saved[0](np.ones((3, 4)), training=True)  # moves the dropout's seed on
    checkpoint.save(tmp_path, *saved, [EPOCH])
    other = small_network(2)
    assert values(*other) != values(*saved)
    assert checkpoint.restore(tmp_path, *other) == [EPOCH]
    assert values(*other) == values(*saved)


@pytest.mark.parametrize("place", [0, 40, -1])
def test_restore_damaged_newest_falls_back_and_says_so(tmp_path: Path, place: int, caplog: pytest.LogCaptureFixture) -> None:
    network = small_network(1)
    second = EPOCH.model_copy(update={"epoch": 2})
    checkpoint.save(tmp_path, *network, [EPOCH])
    checkpoint.save(tmp_path, *network, [EPOCH, second])
    newest = max(tmp_path.glob("*.checkpoint"))
    content = bytearray(newest.read_bytes())
    content[place] ^= 1
    newest.write_bytes(content)
    assert checkpoint.restore(tmp_path, *network) == [EPOCH]
    assert "damaged" in caplog.text


def test_save_keeps_the_last_two(tmp_path: Path) -> None:
    history = [EPOCH.model_copy(update={"epoch": number}) for number in (1, 2, 3)]
    for number in (1, 2, 3):
        checkpoint.save(tmp_path, *small_network(1), history[:number])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-00002.checkpoint", "epoch-00003.checkpoint"]


def test_save_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="expected a run folder that can be written"):
        checkpoint.save(tmp_path / "file", *small_network(1), [EPOCH])
