import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.toy_digits import toy_arrays
from trainer.networks.architecture import build
from trainer.networks.inference import as_input
from trainer.training.weight_averaging import recompute_batch_norm, update_ema


def one_weight(value: float) -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[value]], np.float32)])
    return model


def test_update_ema_moves_by_the_share_that_is_not_kept() -> None:
    average, model = one_weight(1.0), one_weight(3.0)
    update_ema(average, model, 0.9, tf.constant(10_000))
    assert average.get_weights()[0].item() == pytest.approx(1.0 * 0.9 + 3.0 * 0.1)


def test_update_ema_starts_quickly() -> None:
    average, model = one_weight(1.0), one_weight(3.0)
    update_ema(average, model, 0.999, tf.constant(0))
    assert average.get_weights()[0].item() == pytest.approx(1.0 * 0.1 + 3.0 * 0.9), (
        "the first step keeps 1/10 of the fresh weights"
    )


@pytest.mark.parametrize("name", ["conv3", "conv7"])
def test_recompute_batch_norm_sets_statistics_to_those_of_the_layers_input(name: str) -> None:
    model, images = build(name, seed=1), toy_arrays()["x_train"][:192]
    recompute_batch_norm(model, images)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for norm in norms:
        into = keras.Model(model.inputs, norm.input)(
            as_input(tf.constant(images)), training=False
        ).numpy()
        axes = tuple(range(into.ndim - 1))
        assert np.allclose(norm.moving_mean, into.mean(axes), atol=1e-4)
        batches = into.reshape(3, 64, *into.shape[1:])
        fires = (batches.var(tuple(axis + 1 for axis in axes)) > 0).all(axis=0)
        assert fires.any()
        found, whole = norm.moving_variance.numpy(), into.var(axes)
        assert np.allclose(found[fires], whole[fires], rtol=1e-3, atol=1e-6)
        assert (found[~fires] > whole[~fires]).all()
    assert len(norms) == {"conv3": 2, "conv7": 8}[name]


def two_units(bias: float) -> keras.Model:
    """Two units with ReLU that add up an image's pixels, one of them less a bias, and their
    normalisation."""
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="relu"),
            keras.layers.BatchNormalization(),
        ]
    )
    model.layers[1].set_weights([np.ones((784, 2), np.float32), np.array([0, -bias], np.float32)])
    return model


def dots(brightness: np.ndarray) -> np.ndarray:
    images = np.zeros((len(brightness), 28, 28), np.uint8)
    images[:, 3:6, 3:6] = brightness[:, np.newaxis, np.newaxis]
    return images


def test_recompute_batch_norm_unit_that_fires_once_in_many_batches_is_not_blown_up() -> None:
    brightness = np.random.default_rng(1).integers(50, 100, 640)
    brightness[7] = 255
    model, images = two_units(bias=4.5), dots(brightness)
    recompute_batch_norm(model, images)
    outputs = model(as_input(tf.constant(images)), training=False).numpy()
    assert 5 < outputs[7, 1] < 8.5  # a batch of 64 gives 8 at most; all 640 together 15
    assert outputs[:, 0].std() == pytest.approx(1, abs=0.02)


def test_recompute_batch_norm_unit_that_never_fires_is_passed_on_as_it_is() -> None:
    model = two_units(bias=4.5)
    recompute_batch_norm(model, dots(np.random.default_rng(1).integers(50, 100, 640)))
    outputs = model(as_input(tf.constant(dots(np.array([255])))), training=False).numpy()
    assert outputs[0, 1] == pytest.approx(4.5, abs=0.01)


def test_recompute_batch_norm_counts_images_from_the_first_to_the_last() -> None:
    model = two_units(bias=0)
    recompute_batch_norm(model, dots(np.repeat([51, 204], 4_500)))
    assert model.layers[-1].moving_mean.numpy() == pytest.approx(4.5, abs=0.01)
