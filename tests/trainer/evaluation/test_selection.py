"""The choice among networks, against exact p values worked out by hand."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.evaluation.selection import SIGNIFICANCE, Candidate, select
from trainer.evaluation.selection import mcnemar as p_of


def candidate(name: str, parameters: int, wrong: set[int], images: int = 1000) -> Candidate:
    """A network that reads all images right but those numbered `wrong`."""
    return Candidate(name, parameters, np.array([number not in wrong for number in range(images)]))


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),
        (3, 3, 1.0),
        (1, 0, 1.0),  # 2 × 1/2
        (5, 0, 2 / 2**5),
        (6, 0, 2 / 2**6),
        (0, 6, 2 / 2**6),
        (8, 2, 2 * (1 + 10 + 45) / 2**10),
        (9, 1, 2 * (1 + 10) / 2**10),
    ],
)
def test_mcnemar_is_the_binomial_sum(only_first: int, only_second: int, p: float) -> None:
    assert p_of(only_first, only_second) == pytest.approx(p)


def test_select_smaller_network_not_shown_worse_wins() -> None:
    choice = select(
        [candidate("small", 10, set(range(15))), candidate("large", 20, set(range(10)))]
    )  # 5 : 0, p = 0.0625
    assert (choice.winner, choice.best) == ("small", "large")
    assert choice.comparisons[1].p == pytest.approx(0.0625)
    assert choice.reason == (
        "small reads 0.9850 of 1,000 validation images right, not significantly fewer than the "
        "most accurate, large (0.9900): "
        "large alone is right on 5, small alone on 0 (exact McNemar test, p = 0.062). "
        "Of the networks tied in this way it has the fewest parameters: 10 against 20."
    )


def test_select_smaller_network_shown_worse_loses() -> None:
    choice = select(
        [candidate("small", 10, set(range(16))), candidate("large", 20, set(range(10)))]
    )  # 6 : 0, p = 0.031
    assert choice.winner == "large"
    assert choice.reason == (
        "large is the most accurate: it reads 0.9900 of 1,000 validation images right. "
        "Every smaller network is significantly worse (exact McNemar test: small 0.9840, p = "
        "0.031)."
    )


def test_select_fewest_parameters_among_several_tied() -> None:
    networks = [
        candidate("a", 30, {1}),
        candidate("b", 20, {1, 2, 3}),
        candidate("c", 10, {1, 2, 3, 4}),
        candidate("d", 5, set(range(50))),
    ]
    choice = select(networks)
    assert choice.winner == "c"
    assert {c.name: c.tied for c in choice.comparisons} == {
        "a": True,
        "b": True,
        "c": True,
        "d": False,
    }


def test_select_larger_network_never_wins_by_a_tie() -> None:
    choice = select([candidate("best", 10, {1}), candidate("larger", 20, {1, 2})])
    assert choice.winner == "best"
    assert "No candidate has fewer parameters than its 10." in choice.reason
    assert [c.tied for c in choice.comparisons] == [True, False]


def test_select_equal_networks_go_to_the_first_name() -> None:
    assert select([candidate("b", 10, {1}), candidate("a", 10, {2})]).winner == "a"


def test_select_equally_accurate_networks_count_the_smaller_as_the_best() -> None:
    choice = select([candidate("a", 20, {1}), candidate("b", 10, {2})])
    assert (choice.winner, choice.best) == ("b", "b")


def test_select_one_candidate_says_so() -> None:
    assert (
        select([candidate("conv3", 10, {1})]).reason
        == "conv3 is the only candidate; it reads 0.9990 of 1,000 validation images right."
    )


def test_select_compares_the_same_images_not_totals() -> None:
    """Both are wrong on ten images more or less; only the pairing tells whether that says
    anything."""
    nested = select(
        [candidate("small", 10, set(range(20))), candidate("large", 20, set(range(10)))]
    )
    apart = select(
        [candidate("small", 10, set(range(100, 120))), candidate("large", 20, set(range(10)))]
    )
    assert (nested.winner, apart.winner) == ("large", "small")


@pytest.mark.parametrize(
    ("networks", "received"),
    [
        ([], "received none"),
        ([candidate("a", 1, set()), candidate("a", 2, set())], "names of their own"),
        ([candidate("a", 1, set()), candidate("b", 2, set(), images=7)], r"\(7,\)"),
        ([candidate("a", 1, set(), images=0)], r"\(0,\)"),
        ([Candidate("a", 1, np.array([1, 0, 1], np.uint8))], "bool"),
    ],
)
def test_select_candidates_that_cannot_be_compared_are_refused(
    networks: list[Candidate], received: str
) -> None:
    with pytest.raises(ValueError, match=received):
        select(networks)


@given(
    st.lists(st.tuples(st.integers(1, 5), st.sets(st.integers(0, 29))), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_select_any_candidates_keeps_the_rule_in_any_order(
    drawn: list[tuple[int, set[int]]], order: Random
) -> None:
    networks = [
        candidate(f"n{number}", parameters, wrong, images=30)
        for number, (parameters, wrong) in enumerate(drawn)
    ]
    choice = select(networks)
    order.shuffle(networks)
    assert select(networks) == choice
    by_name = {network.name: network for network in networks}
    winner, best = by_name[choice.winner], by_name[choice.best]
    assert best.correct.sum() == max(network.correct.sum() for network in networks)
    assert winner is best or winner.parameters < best.parameters
    assert (
        p_of(
            int((best.correct & ~winner.correct).sum()), int((winner.correct & ~best.correct).sum())
        )
        >= SIGNIFICANCE
    )
