"""Refusal, the worst mistakes and the disputed labels, against cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.dataset import MNIST_DIGESTS, DataSet
from trainer.evaluation.label_errors import DISPUTED, disputed_in, score_disputed
from trainer.evaluation.mistakes import KEPT, worst_mistakes
from trainer.evaluation.risk_coverage import COVERAGES, RiskCoverage, risk_coverage


def test_risk_coverage_four_images_gives_the_area_worked_out_by_hand() -> None:
    curve = risk_coverage(np.array([0.7, 0.9, 0.6, 0.8]), np.array([False, True, False, True]))
    assert curve.aurc == pytest.approx((0 + 0 + 1 / 3 + 2 / 4) / 4)
    assert (curve.risks[COVERAGES.index(0.5)], curve.risks[-1]) == (0, 0.5)


def test_risk_coverage_mistakes_first_is_the_worst_order() -> None:
    curve = risk_coverage(np.array([0.9, 0.8, 0.7, 0.6]), np.array([False, True, True, True]))
    assert curve.aurc == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


@pytest.mark.parametrize("right", [[False, True, True], [True, False, True], [True, True, False]])
def test_risk_coverage_equals_share_their_mistakes_in_any_order(right: list[bool]) -> None:
    curve = risk_coverage(np.array([1.0, 1.0, 1.0, 0.5]), np.array([*right, False]))
    assert curve.aurc == pytest.approx((1 / 3 + 1 / 3 + 1 / 3 + 2 / 4) / 4)


def test_risk_coverage_refusing_one_percent_takes_out_the_least_sure() -> None:
    confidence, right = np.linspace(1, 0.2, 1000), np.ones(1000, bool)
    right[[5, 985, 995, 999]] = False
    curve = risk_coverage(confidence, right)
    assert curve.at_99_percent == pytest.approx(2 / 990)
    assert curve.risks[COVERAGES.index(0.999)] == pytest.approx(3 / 999)


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_risk_coverage_any_answers_ends_at_the_error_and_stays_below_one(
    images: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    right = rng.random(images) < 0.7
    curve = risk_coverage(rng.integers(1, 6, images) / 5, right)
    assert curve.risks[-1] == pytest.approx(1 - right.mean())
    assert RiskCoverage.model_validate_json(curve.model_dump_json()) == curve


def test_worst_mistakes_are_the_most_confident_named_by_their_place_in_the_data_set() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.05, 0.95]])
    labels, places = np.array([0, 1, 0, 0]), np.array([70, 71, 72, 73])
    found = worst_mistakes(probabilities, labels, places, disputed=(72,))
    assert [(one.image, one.truth, one.read, one.disputed) for one in found] == [
        (73, 0, 1, False),
        (72, 0, 1, True),
        (71, 1, 0, False),
    ]
    assert [(one.confidence, one.truth_probability) for one in found] == [
        (0.95, 0.05),
        (0.8, 0.2),
        (0.6, 0.4),
    ]


def test_worst_mistakes_of_many_only_the_most_confident_are_kept() -> None:
    confidence = np.linspace(0.6, 0.9, KEPT + 5)
    found = worst_mistakes(
        np.stack([confidence, 1 - confidence], 1), np.ones(KEPT + 5, int), np.arange(KEPT + 5)
    )
    assert [one.image for one in found] == list(range(KEPT + 4, 4, -1))


def test_worst_mistakes_of_a_network_without_any_are_none() -> None:
    assert worst_mistakes(np.eye(3), np.arange(3), np.arange(3)) == ()


def test_disputed_in_mnists_own_test_set_are_fifteen() -> None:
    assert disputed_in(MNIST_DIGESTS) == DISPUTED
    assert len(set(DISPUTED)) == 15
    assert list(DISPUTED) == sorted(DISPUTED)


@pytest.mark.parametrize("changed", ["x_test", "y_test"])
def test_disputed_in_any_other_test_set_are_none(changed: str) -> None:
    assert disputed_in({**MNIST_DIGESTS, changed: "0" * 64}) == ()
    assert disputed_in({}) == ()
    assert score_disputed(np.ones(10_000, bool), ()) is None


def test_score_disputed_counts_their_errors_and_leaves_them_out() -> None:
    right = np.ones(10_000, bool)
    right[[DISPUTED[0], DISPUTED[14], 5, 6, 7]] = False
    scored = score_disputed(right, DISPUTED)
    assert scored is not None
    assert (scored.images, scored.errors) == (15, 2)
    assert scored.accuracy_without == pytest.approx(1 - 3 / 9_985)


@pytest.mark.mnist
def test_disputed_in_the_real_file_are_found(mnist: DataSet) -> None:
    assert disputed_in(mnist.digests) == DISPUTED
