import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.cropped_conv import CroppedConv2D, cropped, reach
from trainer.networks.architecture import build

IMAGES = np.random.default_rng(1).uniform(0, 1, (5, 28, 28, 1)).astype(np.float32)
CLASSES = np.eye(10, dtype=np.float32)[:5]


@pytest.mark.parametrize(
    "side, size, taps",
    [
        (5, 1, [2]),
        (6, 1, [2]),
        (4, 2, [0, 1, 2]),
        (5, 2, [1, 2, 3]),
        (7, 1, [3]),
        (5, 5, [0, 1, 2, 3, 4]),
    ],
)
def test_reach_are_the_taps_that_meet_the_map(side: int, size: int, taps: list[int]) -> None:
    assert list(range(side))[reach(side, size)] == taps


@pytest.mark.parametrize("name", ["conv3", "conv5", "conv7"])
def test_cropped_network_has_the_same_outputs_and_gradients(name: str) -> None:
    def outputs_and_gradients(model: keras.Model) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            answers = model(IMAGES, training=False)
            loss = tf.reduce_mean(keras.losses.categorical_crossentropy(CLASSES, answers))
        return answers, tape.gradient(loss, model.trainable_variables)

    whole = build(name, seed=1)
    part = cropped(whole)
    assert sum(isinstance(layer, CroppedConv2D) for layer in part.layers) == 2 * int(name[-1])
    assert part.count_params() == whole.count_params()
    (answers, gradients), (same_answers, same_gradients) = (
        outputs_and_gradients(whole),
        outputs_and_gradients(part),
    )
    assert np.allclose(answers, same_answers, atol=1e-6)
    for gradient, same in zip(gradients, same_gradients, strict=True):
        assert np.allclose(gradient, same, rtol=1e-4, atol=1e-7)
