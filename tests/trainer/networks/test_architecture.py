import itertools
from typing import get_args

import keras
import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from benchmarks.training_speed.steps import multiply_adds
from tests.support.toy_digits import toy_arrays
from trainer.networks import allconv
from trainer.networks.architecture import ARCHITECTURES, build, initial_scale
from trainer.networks.inference import predict
from trainer.settings import ArchitectureName, TrainerSettings

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


def test_build_teacher_has_a_quarter_of_the_arithmetic_of_conv3() -> None:
    model = build(allconv.NAME)
    assert model.count_params() == 327_242
    kinds = [type(layer).__name__ for layer in model.layers]
    follows = dict(itertools.pairwise(kinds))
    assert (kinds.count("Conv2D"), follows["Conv2D"]) == (7, "BatchNormalization")
    assert multiply_adds(model) / multiply_adds(build("conv3")) == pytest.approx(0.27, abs=0.01)


def test_teacher_is_a_choice_of_the_settings_and_never_published() -> None:
    assert set(get_args(ArchitectureName)) == {*ARCHITECTURES, allconv.NAME}
    chosen = {"architectures": (allconv.NAME,), "recipe": "teacher"}
    assert TrainerSettings.model_validate({**chosen, "publish": "none"}).chosen_recipe().forms
    with pytest.raises(ValidationError, match="publish none with the architecture allconv"):
        TrainerSettings.model_validate(chosen)


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


@pytest.mark.parametrize(
    ("side", "size", "scale"), [(5, 1, 25), (4, 1, 16), (5, 2, 25 / 4), (6, 2, 9), (3, 1000, 1)]
)
def test_initial_scale_is_taps_over_those_that_meet_the_map(
    side: int, size: int, scale: float
) -> None:
    assert initial_scale(side, size) == pytest.approx(scale, rel=0.01)


@pytest.mark.parametrize("name", ["conv5", "conv7"])
def test_build_first_weights_let_the_image_reach_the_last_convolution(name: str) -> None:
    """With Keras' own first weights next to nothing of it arrives, and conv5 never learns."""
    images = toy_arrays()["x_test"][:64]
    assert spread_at_last_convolution(build(name, seed=1), images) > 5e-5
    assert spread_at_last_convolution(build(name, seed=1, initialisation="keras"), images) < 1e-5


def spread_at_last_convolution(model: keras.Model, images: npt.NDArray[np.uint8]) -> float:
    """Standard deviation over the images of what the last convolution says, averaged over its
    units."""
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    return float(predict(keras.Model(model.input, last.output), images).std(axis=0).mean())
