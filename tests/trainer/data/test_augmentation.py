import numpy as np
import pytest
import tensorflow as tf

from tests.support.toy_digits import toy_arrays
from trainer.data.augmentation import augment, draw_parameters
from trainer.networks.inference import as_input
from trainer.recipes import Augmentation

EVERYTHING = Augmentation(rotation=15, scale=0.12, shear=8, shift=2.5, stroke=0.4, elastic=0.7)


def pixels(count: int = 16) -> tf.Tensor:
    return as_input(tf.constant(toy_arrays()["x_train"][:count]))


def augmented(augmentation: Augmentation, seed: int = 1) -> np.ndarray:
    return np.asarray(augment(pixels(), tf.constant(draw_parameters(augmentation, 16, seed, 1))))


def test_draw_follows_from_seed_epoch_and_image_alone() -> None:
    parameters = draw_parameters(EVERYTHING, 50, seed=1, epoch=2)
    assert np.array_equal(parameters, draw_parameters(EVERYTHING, 50, seed=1, epoch=2))
    assert not np.array_equal(parameters, draw_parameters(EVERYTHING, 50, seed=1, epoch=3))
    assert not np.array_equal(parameters, draw_parameters(EVERYTHING, 50, seed=2, epoch=2))


def test_augment_without_augmentation_leaves_the_images() -> None:
    assert draw_parameters(None, 16, 1, 1).shape == (16, 0)
    assert np.array_equal(augment(pixels(), tf.constant(draw_parameters(None, 16, 1, 1))), pixels())


def test_augment_with_bounds_of_zero_leaves_the_images() -> None:
    assert np.allclose(augmented(Augmentation()), pixels(), atol=1e-6)


def test_augment_changes_an_image_alike_in_every_batch() -> None:
    parameters = draw_parameters(EVERYTHING, 16, 1, 1)
    alone = augment(pixels()[3:4], tf.constant(parameters[3:4])).numpy()
    assert np.allclose(alone[0], augmented(EVERYTHING)[3], atol=1e-6)


def test_shift_moves_whole_pixels_exactly_and_lets_paper_in() -> None:
    parameters = np.zeros((16, draw_parameters(EVERYTHING, 1, 1, 1).shape[1]), np.float32)
    parameters[:, 4], parameters[:, 5] = (
        2,
        -1,
    )  # two rows down and one column left in the original image
    moved, original = augment(pixels(), tf.constant(parameters)).numpy(), pixels().numpy()
    assert np.allclose(moved[:, :26, 1:], original[:, 2:, :27], atol=1e-5)
    assert np.all(moved[:, 26:] == 0)


def test_rotation_by_a_quarter_turn_is_the_transposed_image() -> None:
    parameters = np.zeros((16, draw_parameters(EVERYTHING, 1, 1, 1).shape[1]), np.float32)
    parameters[:, 0] = np.pi / 2
    turned = augment(pixels(), tf.constant(parameters)).numpy()
    assert np.allclose(turned[..., 0], np.rot90(pixels().numpy()[..., 0], -1, (1, 2)), atol=1e-3)


@pytest.mark.parametrize("column, sign", [(1.0, 1), (-1.0, -1)])
def test_stroke_thickens_or_thins(column: float, sign: int) -> None:
    parameters = np.zeros((16, draw_parameters(EVERYTHING, 1, 1, 1).shape[1]), np.float32)
    parameters[:, 6] = column
    ink = augment(pixels(), tf.constant(parameters)).numpy().sum(
        axis=(1, 2, 3)
    ) - pixels().numpy().sum(axis=(1, 2, 3))
    assert np.all(sign * ink > 0)


@pytest.mark.parametrize("kind", ["rotation", "scale", "shear", "shift", "stroke", "elastic"])
def test_every_amount_changes_the_images_and_keeps_their_range(kind: str) -> None:
    changed = augmented(Augmentation(**{kind: getattr(EVERYTHING, kind)}))
    assert np.abs(changed - pixels()).max() > 0.05
    assert changed.min() >= -1e-6 and changed.max() <= 1 + 1e-6


def test_augment_compiles_under_xla_to_the_same_images() -> None:
    parameters = tf.constant(draw_parameters(EVERYTHING, 16, 1, 1))
    compiled = tf.function(augment, jit_compile=True)(pixels(), parameters)
    assert np.allclose(compiled, augment(pixels(), parameters), atol=1e-5)
