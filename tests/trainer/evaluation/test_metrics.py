"""Scores against cases worked out by hand, and against Keras' own loss."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.errors import TrainerError
from trainer.evaluation.metrics import Scores, correct, evaluate, interval

LABELS = np.array([0, 0, 1, 2], np.uint8)
PROBABILITIES = np.array(
    [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.5, 0.25], [0.125, 0.125, 0.75]], np.float32
)
"""The second image, a 0, is read as 1."""


def test_evaluate_four_images_gives_the_scores_worked_out_by_hand() -> None:
    scores = evaluate(PROBABILITIES, LABELS)
    assert scores.loss == pytest.approx(
        (math.log(2) + math.log(4) + math.log(2) - math.log(0.75)) / 4
    )
    assert (scores.accuracy, scores.errors, scores.images) == (0.75, 1, 4)
    assert scores.confusion == ((1, 1, 0), (0, 1, 0), (0, 0, 1))
    zero, one, two = scores.classes
    assert (zero.precision, zero.recall, zero.support) == (1.0, 0.5, 2)
    assert (one.precision, one.recall, one.support) == (0.5, 1.0, 1)
    assert zero.f1 == pytest.approx(2 / 3)
    assert (two.precision, two.recall, two.f1, two.support) == (1.0, 1.0, 1.0, 1)


@pytest.mark.parametrize(("accuracy", "images"), [(0.9908, 10_000), (1.0, 10), (0.5, 2), (0.0, 7)])
def test_interval_is_wilsons(accuracy: float, images: int) -> None:
    z = 1.959964
    middle, reach = (
        accuracy + z**2 / (2 * images),
        z * math.sqrt(accuracy * (1 - accuracy) / images + (z / (2 * images)) ** 2),
    )
    assert interval(accuracy, images) == pytest.approx(
        [(middle + sign * reach) / (1 + z**2 / images) for sign in (-1, 1)], abs=1e-6
    )


def test_evaluate_class_without_images_or_predictions_scores_zero() -> None:
    scores = evaluate(np.array([[1, 0, 0]], np.float32), np.array([0]))
    assert scores.classes[2].model_dump() == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 0,
    }


def test_evaluate_sure_and_wrong_keeps_the_loss_finite() -> None:
    scores = evaluate(np.array([[1, 0]], np.float32), np.array([1]))
    assert scores.loss == pytest.approx(-math.log(1e-7))


def test_evaluate_rows_that_miss_one_are_normalised_first() -> None:
    assert evaluate(np.array([[0.2, 0.2]], np.float32), np.array([0])).loss == pytest.approx(
        math.log(2)
    )


def test_evaluate_loss_is_that_of_keras() -> None:
    import keras  # noqa: PLC0415 - three seconds that only this test needs

    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(10, 0.05), 200).astype(np.float32)
    labels = rng.integers(0, 10, 200)
    expected = np.mean(
        np.asarray(
            keras.losses.categorical_crossentropy(
                np.eye(10, dtype=np.float32)[labels], probabilities
            )
        )
    )
    assert evaluate(probabilities, labels).loss == pytest.approx(float(expected), rel=1e-5)


def test_scores_as_json_come_back_equal() -> None:
    scores = evaluate(PROBABILITIES, LABELS)
    assert Scores.model_validate_json(scores.model_dump_json()) == scores


def test_correct_is_true_where_the_highest_is_the_truth() -> None:
    assert correct(PROBABILITIES, LABELS).tolist() == [True, False, True, True]


def test_evaluate_diverged_network_is_refused_with_the_remedy() -> None:
    broken = PROBABILITIES.copy()
    broken[1, 2] = np.nan
    with pytest.raises(TrainerError, match=r"1 of 4 images.*lower the learning rate"):
        evaluate(broken, LABELS)


@pytest.mark.parametrize(
    ("labels", "received"),
    [
        (LABELS[:3], r"\(4, 3\) and \(3,\)"),
        (LABELS.reshape(4, 1), r"\(4, 1\)"),
        (np.array([0, 0, 1, 3]), r"0\.\.3"),
        (np.array([0, 0, 1, -1]), r"-1\.\.1"),
        (np.array([0.0, 0.0, 1.0, 2.0]), "float64"),
    ],
)
def test_evaluate_labels_that_do_not_fit_are_refused(
    labels: npt.NDArray[np.integer], received: str
) -> None:
    with pytest.raises(ValueError, match=received):
        evaluate(PROBABILITIES, labels)


def test_evaluate_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="n at least 1"):
        evaluate(np.empty((0, 3), np.float32), np.empty(0, np.uint8))


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_evaluate_any_images_scores_agree_with_each_other(
    images: int, classes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), images).astype(np.float32)
    labels = rng.integers(0, classes, images)
    scores = evaluate(probabilities, labels)
    confusion = np.array(scores.confusion)
    assert confusion.sum() == images
    assert confusion.trace() == images - scores.errors == round(scores.accuracy * images)
    assert confusion.sum(axis=1).tolist() == [one.support for one in scores.classes]
    assert correct(probabilities, labels).sum() == images - scores.errors
