"""What the layers of a network see, as the exported graph gives it."""

import keras
import numpy as np
import pytest

from digits.contract import FEATURE_MAPS, FEATURE_MAPS_SHAPE, LABELS, signatures
from trainer.export.signatures import endpoints, promised
from trainer.networks.architecture import ARCHITECTURES, build
from trainer.networks.inference import as_input
from trainer.networks.trained import TrainedNetwork
from trainer.training.ensemble import ensemble

LAYERS, MAPS, SIDE, _ = FEATURE_MAPS_SHAPE


def images(count: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def maps_of(model: keras.Model, pictures: np.ndarray) -> np.ndarray:
    found: np.ndarray = endpoints(model, LABELS)[FEATURE_MAPS](pictures)["maps"].numpy()
    return found


def activations(network: keras.Model, pictures: np.ndarray) -> list[np.ndarray]:
    """Of the last convolution of each of the first three blocks."""
    layers = [network.get_layer(f"block{number}_conv_b").output for number in (1, 2, 3)]
    found = keras.Model(network.inputs, layers)(as_input(pictures), training=False)
    return [np.asarray(layer, np.float32) for layer in found]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_maps_are_the_strongest_of_the_first_three_blocks(name: str) -> None:
    network, pictures = build(name, seed=1), images(2)
    found = maps_of(network, pictures)
    assert found.shape == (2, *FEATURE_MAPS_SHAPE)
    assert found.dtype == np.uint8
    for number, layer in enumerate(activations(network, pictures)):
        for item, seen in zip(layer, found[:, number], strict=True):
            strongest = np.argsort(-item.mean((0, 1)), kind="stable")[:MAPS]
            chosen = item[..., strongest].transpose(2, 0, 1)
            nearest = ((np.arange(SIDE) + 0.5) * len(item) / SIDE).astype(int)
            expected = chosen[:, nearest][:, :, nearest] * (255 / chosen.max())
            np.testing.assert_allclose(seen, expected, atol=1)


def test_maps_of_an_image_do_not_depend_on_its_neighbours() -> None:
    network, pictures = build("conv3", seed=1), images(3)
    alone = np.concatenate([maps_of(network, one[np.newaxis]) for one in pictures])
    np.testing.assert_allclose(maps_of(network, pictures).astype(int), alone.astype(int), atol=1)


def test_network_without_such_layers_has_no_maps() -> None:
    image = keras.Input((28, 28, 1))
    pooled = keras.layers.MaxPooling2D(4)(keras.layers.Conv2D(12, 3, activation="relu")(image))
    small = keras.Model(
        image, keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(pooled))
    )
    found = endpoints(small, LABELS)
    assert FEATURE_MAPS not in found
    assert found.keys() == promised(small, scored=False).keys() == signatures().keys()


def test_maps_of_nothing_are_none() -> None:
    assert maps_of(build("conv3", seed=1), images(0)).shape == (0, *FEATURE_MAPS_SHAPE)


def test_maps_of_a_dark_layer_are_dark() -> None:
    network = build("conv3", seed=1)
    for layer in network.layers[:3]:
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    assert not maps_of(network, images(1))[0, 0].any()


def test_maps_of_an_ensemble_are_those_of_its_first_network() -> None:
    first, second = build("conv3", seed=1), build("conv5", seed=1)
    nothing = np.zeros(0, np.float32)
    together = ensemble(
        [TrainedNetwork(one.name, 1, one, [], nothing) for one in (first, second)]
    ).model
    assert (maps_of(together, images(1)) == maps_of(first, images(1))).all()
    assert (maps_of(together, images(1)) != maps_of(second, images(1))).any()
