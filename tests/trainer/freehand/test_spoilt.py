"""Images of digits, spoilt."""

from collections.abc import Callable

import numpy as np
import pytest

from trainer.data.arrays import Images
from trainer.freehand.spoilt import spoil

LABELS = np.repeat(np.arange(10, dtype=np.uint8), 3)
IMAGES = np.random.default_rng(1).integers(0, 256, (30, 28, 28), np.uint8)
SIX_WAYS = 6


def spoilt(count: int) -> list[Images]:
    return list(spoil(IMAGES, LABELS, count, seed=1))


def labels_where(found: list[np.bool_]) -> set[int]:
    return {int(label) for label in LABELS[found]}


@pytest.mark.parametrize(
    ("way", "undo", "classes"),
    [
        (0, lambda image: image[:, ::-1], {2, 3, 4, 6, 7}),
        (1, lambda image: np.rot90(image, -1), {2, 3, 4, 5, 7}),
        (2, np.rot90, {2, 3, 4, 5, 7}),
        (3, lambda image: image[::-1], {4, 7}),
    ],
)
def test_spoil_turns_only_digits_that_are_none_afterwards(
    way: int, undo: Callable[[Images], Images], classes: set[int]
) -> None:
    found = [
        labels_where([(one == undo(image)).all() for one in IMAGES])
        for image in spoilt(60)[way::SIX_WAYS]
    ]
    assert all(len(labels) == 1 for labels in found)
    assert len(set.union(*found)) > 1 and set.union(*found) <= classes


def test_spoil_puts_two_digits_of_different_classes_on_top_of_each_other() -> None:
    for image in spoilt(60)[4::SIX_WAYS]:
        assert len(labels_where([(one <= image).all() for one in IMAGES])) == 2


def test_spoil_joins_halves_of_different_classes() -> None:
    for image in spoilt(60)[5::SIX_WAYS]:
        upper = labels_where([(one[:14] == image[:14]).all() for one in IMAGES])
        lower = labels_where([(one[14:] == image[14:]).all() for one in IMAGES])
        assert len(upper) == len(lower) == 1 and upper != lower


def test_spoil_again_is_the_same_and_another_seed_is_not() -> None:
    assert np.array_equal(spoil(IMAGES, LABELS, 12, 1), spoil(IMAGES, LABELS, 12, 1))
    assert not np.array_equal(spoil(IMAGES, LABELS, 12, 1), spoil(IMAGES, LABELS, 12, 2))
