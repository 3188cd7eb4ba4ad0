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
def test_recompute_batch_norm_sets_every_statistic_to_that_of_the_layers_input(name: str) -> None:
    model, images = build(name, seed=1), toy_arrays()["x_train"][:200]
    recompute_batch_norm(model, images)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for norm in norms:
        into = keras.Model(model.inputs, norm.input)(
            as_input(tf.constant(images)), training=False
        ).numpy()
        axes = tuple(range(into.ndim - 1))
        assert np.allclose(norm.moving_mean, into.mean(axes), atol=1e-4)
        assert np.allclose(norm.moving_variance, into.var(axes), rtol=1e-3, atol=1e-6)
    assert len(norms) == {"conv3": 2, "conv7": 8}[name]
