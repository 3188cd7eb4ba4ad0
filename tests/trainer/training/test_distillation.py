from pathlib import Path

import keras
import numpy as np
import pytest

from tests.support.toy_digits import toy_arrays
from trainer.data.augmentation import draw_parameters
from trainer.recipes import Augmentation
from trainer.training.distillation import (
    cached_targets,
    mix_targets,
    targets_digest,
    teacher_targets,
)

IMAGES = toy_arrays()["x_train"][:40]
AUGMENTED = Augmentation(rotation=20, shift=3)


def network(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def test_teacher_targets_are_the_mean_prediction_for_the_augmented_images() -> None:
    parameters = draw_parameters(AUGMENTED, 40, 1, 1)
    both, first, second = (
        teacher_targets(teachers, IMAGES, parameters)
        for teachers in ([network(1), network(2)], [network(1)], [network(2)])
    )
    assert np.allclose(both, (first + second) / 2, atol=1e-6)
    plain = teacher_targets([network(1)], IMAGES, draw_parameters(None, 40, 1, 1))
    assert not np.allclose(first, plain, atol=1e-3)


def test_cached_targets_are_computed_once_an_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = cached_targets([network(1)], IMAGES, AUGMENTED, 1, tmp_path)(1)
    again = cached_targets([network(1)], IMAGES, AUGMENTED, 1, tmp_path)(1)
    assert np.array_equal(first, again)
    assert capsys.readouterr().out.count("computing") == 1


def test_cached_targets_that_were_damaged_are_computed_again(tmp_path: Path) -> None:
    first = cached_targets([network(1)], IMAGES, AUGMENTED, 1, tmp_path)(1)
    (kept,) = tmp_path.iterdir()
    content = bytearray(kept.read_bytes())
    content[100] ^= 1
    kept.write_bytes(content)
    assert np.array_equal(cached_targets([network(1)], IMAGES, AUGMENTED, 1, tmp_path)(1), first)


def test_targets_digest_names_teachers_images_and_augmentation() -> None:
    given = targets_digest([network(1)], IMAGES, AUGMENTED, 1)
    others = [
        targets_digest([network(2)], IMAGES, AUGMENTED, 1),
        targets_digest([network(1)], IMAGES[:39], AUGMENTED, 1),
        targets_digest([network(1)], IMAGES, None, 1),
        targets_digest([network(1)], IMAGES, AUGMENTED, 2),
    ]
    assert given == targets_digest([network(1)], IMAGES, AUGMENTED, 1)
    assert given not in others and len(set(others)) == 4


def test_cached_targets_of_the_first_images_see_them_as_an_epoch_of_all_shows_them(
    tmp_path: Path,
) -> None:
    parameters = draw_parameters(AUGMENTED, len(IMAGES), 1, 1)[:10]
    given = cached_targets([network(1)], IMAGES[:10], AUGMENTED, 1, tmp_path, of=len(IMAGES))(1)
    assert np.allclose(given, teacher_targets([network(1)], IMAGES[:10], parameters), atol=1e-6)
    few, many = (
        targets_digest([network(1)], IMAGES[:10], AUGMENTED, 1, of=of) for of in (None, len(IMAGES))
    )
    assert few != many


def test_mix_targets_added_images_keep_their_labels() -> None:
    labels = np.eye(3, dtype=np.float32)
    given = np.array([(0.6, 0.2, 0.2), (0, 0, 1)], np.float32)
    mixed = mix_targets(labels, given, 0.75)
    assert np.allclose(mixed, [(0.7, 0.15, 0.15), (0, 0.25, 0.75), (0, 0, 1)])
    assert np.array_equal(mix_targets(labels, given, 1), [*given, labels[2]])
