"""The small network that tells digits from other characters."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.toy_digits import toy_arrays
from trainer.data.arrays import Classes, Images
from trainer.export import reject
from trainer.networks.inference import as_input

COUNT = 600


@pytest.fixture(scope="module")
def drawn() -> tuple[Images, Classes]:
    """Toy digits, and the same on their heads and cut in two as what is none."""
    toy = toy_arrays()
    images, labels = toy["x_train"][:COUNT], toy["y_train"][:COUNT]
    swapped = np.roll(images, 14, axis=1)
    none = np.full(COUNT, reject.NONE, np.uint8)
    return np.concatenate([images, swapped]), np.concatenate([labels, none])


@pytest.fixture(scope="module")
def network(drawn: tuple[Images, Classes]) -> keras.Model:
    return reject.train(*drawn)


def doubts(network: keras.Model, images: Images) -> np.ndarray:
    return np.asarray(reject.doubt(network, as_input(tf.constant(images))))


def test_train_tells_digits_of_a_toy_set_from_what_is_none(network: keras.Model) -> None:
    toy = toy_arrays()
    digits = doubts(network, toy["x_test"])
    others = doubts(network, np.roll(toy["x_test"], 14, axis=1))
    assert digits.shape == (len(toy["x_test"]),)
    assert np.median(digits) < 0 < np.median(others)
    assert (digits[:, np.newaxis] < others).mean() > 0.9


def test_train_again_gives_the_same_network(
    network: keras.Model, drawn: tuple[Images, Classes]
) -> None:
    keras.utils.set_random_seed(77)
    again = reject.train(*drawn)
    images = toy_arrays()["x_test"]
    np.testing.assert_allclose(doubts(again, images), doubts(network, images), atol=1e-3)


def test_build_stays_small() -> None:
    assert reject.build().count_params() < 100_000


def test_doubt_is_the_log_odds_of_being_none() -> None:
    image = keras.Input((28, 28, 1))
    logits = keras.layers.Dense(reject.NONE + 1, kernel_initializer="zeros")
    network = keras.Model(image, logits(keras.layers.Flatten()(image)))
    kernel, bias = logits.get_weights()
    bias[reject.NONE] = np.log(30)
    logits.set_weights([kernel, bias])
    np.testing.assert_allclose(doubts(network, np.zeros((2, 28, 28), np.uint8)), np.log(3), 1e-5)
