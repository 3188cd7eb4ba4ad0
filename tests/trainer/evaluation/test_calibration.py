"""NLL, Brier score and calibration error against cases worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.evaluation.calibration import SMALLEST, Calibration, measure, nll

LABELS = np.array([0, 1, 1, 0])
PROBABILITIES = np.array([[0.75, 0.25], [0.75, 0.25], [0.0, 1.0], [0.5625, 0.4375]], np.float32)
"""Only the second image is read wrong."""


def test_measure_four_images_gives_the_scores_worked_out_by_hand() -> None:
    measured = measure(PROBABILITIES, LABELS)
    assert measured.nll == pytest.approx(
        (-math.log(0.75) - math.log(0.25) - 0 - math.log(0.5625)) / 4
    )
    assert measured.brier == pytest.approx((2 * 0.0625 + 2 * 0.5625 + 0 + 2 * 0.4375**2) / 4)
    assert [(one.images, one.confidence, one.accuracy) for one in measured.bins] == [
        (1, 0.5625, 1.0),
        (2, 0.75, 0.5),
        (1, 1.0, 1.0),
    ]
    assert measured.ece == pytest.approx((1 * 0.4375 + 2 * 0.25 + 1 * 0.0) / 4)


def test_measure_confidence_on_an_edge_belongs_to_the_bin_below() -> None:
    edge = 9 / 15
    probabilities = np.array([[edge, 1 - edge], [edge + 1e-9, 1 - edge - 1e-9]])
    assert [one.images for one in measure(probabilities, np.array([0, 0])).bins] == [1, 1]


def test_measure_gaps_within_a_bin_cancel_and_between_bins_do_not() -> None:
    sure, unsure = [0.9, 0.1], [0.55, 0.45]
    together = measure(np.array([sure] * 10), np.array([0] * 9 + [1]))
    assert together.ece == pytest.approx(0)
    apart = measure(np.array([sure] * 10 + [unsure] * 20), np.array([0] * 10 + [0] * 9 + [1] * 11))
    assert apart.ece == pytest.approx((10 * 0.1 + 20 * 0.1) / 30)


def test_nll_sure_and_wrong_is_not_cut_off_and_stays_finite() -> None:
    assert nll(np.array([[1, 1e-20]]), np.array([1])) == pytest.approx(20 * math.log(10))
    assert nll(np.array([[1, 0]], np.float32), np.array([1])) == pytest.approx(-math.log(SMALLEST))


def test_nll_temperature_divides_the_logits() -> None:
    logits = np.array([[2.0, 0.0]])
    probabilities = np.exp(logits) / np.exp(logits).sum()
    assert nll(probabilities, np.array([1]), temperature=2) == pytest.approx(math.log(1 + math.e))


def test_calibration_as_json_comes_back_equal() -> None:
    measured = measure(PROBABILITIES, LABELS)
    assert Calibration.model_validate_json(measured.model_dump_json()) == measured


@settings(deadline=None)
@given(st.integers(1, 80), st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_measure_any_images_scores_agree_with_each_other(
    images: int, classes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    probabilities, labels = (
        rng.dirichlet(np.full(classes, 0.2), images).astype(np.float32),
        rng.integers(0, classes, images),
    )
    measured = measure(probabilities, labels)
    assert sum(one.images for one in measured.bins) == images
    right = sum(one.images * one.accuracy for one in measured.bins)
    assert right == pytest.approx(int((probabilities.argmax(1) == labels).sum()))
    mean_gap = abs(float(probabilities.max(1).mean(dtype=float)) - right / images)
    assert mean_gap - 1e-6 <= measured.ece <= 1, (
        "the mean gap is the least that bins can leave of it"
    )
