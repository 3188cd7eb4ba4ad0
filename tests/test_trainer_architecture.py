import keras
import numpy as np
import pytest

from trainer.architecture import ARCHITECTURES, build

# DESIGN section 4: parameters, trainable parameters, side of the feature map after each pool.
DESIGN = {
    "conv3": (292_554, 291_786, [14, 5, 2]),
    "conv5": (579_338, 578_314, [10, 4, 2, 1, 1]),
    "conv7": (816_586, 814_794, [10, 3, 1, 1, 1, 1, 1]),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_build_parameters_and_sizes_are_the_published_ones(name: str) -> None:
    model = build(name)
    parameters, trainable, sides = DESIGN[name]
    assert model.count_params() == parameters
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == trainable
    pools = [layer for layer in model.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    assert [layer.output.shape[1:] for layer in pools] == [(side, side, 64) for side in sides]


def test_build_layers_of_conv7_stand_in_the_published_order() -> None:
    kinds = [type(layer).__name__ for layer in build("conv7").layers]
    block = ["Conv2D", "Conv2D", "MaxPooling2D"]
    head = ["Dropout", "Flatten", *(["Dense", "BatchNormalization", "Dropout"] * 2), "Dense"]
    assert kinds == ["InputLayer", *([*block, "BatchNormalization"] * 6), *block, *head]


def test_build_conv3_convolutions_are_same_and_relu() -> None:
    for layer in build("conv3").layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.MaxPooling2D):
            assert layer.padding == "same"
        if isinstance(layer, keras.layers.Conv2D):
            assert layer.activation is keras.activations.relu
        if isinstance(layer, keras.layers.Dropout):
            assert layer.rate == 0.5


def test_build_same_seed_gives_same_weights_and_another_seed_others() -> None:
    first, again, other = (build("conv3", seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_build_other_number_of_classes_changes_the_last_layer() -> None:
    assert build("conv3", classes=4).output.shape == (None, 4)


def test_build_bfloat16_keeps_weights_and_probabilities_in_float32() -> None:
    model = build("conv3", precision="bfloat16")
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert model.output.dtype == "float32"
    assert model.get_layer("block1_conv_a").compute_dtype == "bfloat16"


def test_build_input_is_named_image() -> None:
    assert [tensor.name for tensor in build("conv3").inputs] == ["image"]
