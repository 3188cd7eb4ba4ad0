from pathlib import Path

import keras
import numpy as np
import pytest

from tests.support.toy_digits import toy_arrays
from trainer.data.augmentation import draw
from trainer.recipes import Augmentation
from trainer.training.distillation import answers, digest, kept_answers, mix_targets

IMAGES = toy_arrays()["x_train"][:40]
BENT = Augmentation(rotation=20, shift=3)


def network(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def test_answers_are_the_mean_of_the_teachers_on_the_bent_images() -> None:
    views = draw(BENT, 40, 1, 1)
    both, first, second = (
        answers(teachers, IMAGES, views)
        for teachers in ([network(1), network(2)], [network(1)], [network(2)])
    )
    assert np.allclose(both, (first + second) / 2, atol=1e-6)
    assert not np.allclose(first, answers([network(1)], IMAGES, draw(None, 40, 1, 1)), atol=1e-3)


def test_kept_answers_are_computed_once_an_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = kept_answers([network(1)], IMAGES, BENT, 1, tmp_path)(1)
    again = kept_answers([network(1)], IMAGES, BENT, 1, tmp_path)(1)
    assert np.array_equal(first, again)
    assert capsys.readouterr().out.count("asking") == 1


def test_kept_answers_that_were_damaged_are_computed_again(tmp_path: Path) -> None:
    first = kept_answers([network(1)], IMAGES, BENT, 1, tmp_path)(1)
    (kept,) = tmp_path.iterdir()
    content = bytearray(kept.read_bytes())
    content[100] ^= 1
    kept.write_bytes(content)
    assert np.array_equal(kept_answers([network(1)], IMAGES, BENT, 1, tmp_path)(1), first)


def test_digest_names_teachers_images_and_views() -> None:
    given = digest([network(1)], IMAGES, BENT, 1)
    others = [
        digest([network(2)], IMAGES, BENT, 1),
        digest([network(1)], IMAGES[:39], BENT, 1),
        digest([network(1)], IMAGES, None, 1),
        digest([network(1)], IMAGES, BENT, 2),
    ]
    assert given == digest([network(1)], IMAGES, BENT, 1)
    assert given not in others and len(set(others)) == 4


def test_kept_answers_of_the_first_images_see_them_as_an_epoch_of_all_shows_them(
    tmp_path: Path,
) -> None:
    views = draw(BENT, len(IMAGES), 1, 1)[:10]
    given = kept_answers([network(1)], IMAGES[:10], BENT, 1, tmp_path, of=len(IMAGES))(1)
    assert np.allclose(given, answers([network(1)], IMAGES[:10], views), atol=1e-6)
    few, many = (digest([network(1)], IMAGES[:10], BENT, 1, of=of) for of in (None, len(IMAGES)))
    assert few != many


def test_mix_targets_added_images_keep_their_labels() -> None:
    labels = np.eye(3, dtype=np.float32)
    given = np.array([(0.6, 0.2, 0.2), (0, 0, 1)], np.float32)
    mixed = mix_targets(labels, given, 0.75)
    assert np.allclose(mixed, [(0.7, 0.15, 0.15), (0, 0.25, 0.75), (0, 0, 1)])
    assert np.array_equal(mix_targets(labels, given, 1), [*given, labels[2]])
