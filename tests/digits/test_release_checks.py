"""The release checks: what may replace the served version, and the values they give."""

from typing import Any

import pytest

from digits.contract import Signature, Tensor, signatures
from digits.manifest import Manifest
from digits.release_checks import CHECKS, Facts, compare, refusals
from tests.support.versions import FACTS


def facts(
    *,
    accuracy: float = 0.99,
    images: int = 5_000,
    signature: dict[str, Signature] | None = None,
    **changes: object,
) -> Facts:
    made: dict[str, object] = {
        "metrics": {"validation": {"accuracy": accuracy}},
        "config": {"validation_size": images},
        "files": {},
        **changes,
    }
    return Facts(
        Manifest.model_validate({**FACTS, **made}), signatures() if signature is None else signature
    )


def failed(served: Facts, new: Facts) -> list[str]:
    return [finding.check for finding in compare(served, new) if not finding.passed]


def test_release_checks_lets_the_same_again_through() -> None:
    found = [finding.check for finding in compare(facts(), facts())]
    assert found == ["chance", *CHECKS]
    assert failed(facts(), facts()) == []


@pytest.mark.parametrize(
    ("served", "new", "refused"),
    [
        (0.9922, 0.9950, False),
        (
            0.9922,
            0.9900,
            False,
        ),  # 11 images of 5,000: within one and a half standard errors of a difference
        (0.9922, 0.9880, True),  # 21 images
        (1.0, 0.9995, False),
        (1.0, 0.9970, True),
        (0.5, 0.49, False),
        (0.5, 0.47, True),
    ],
)
def test_release_checks_validation_worse_than_chance_explains_is_refused(
    served: float, new: float, refused: bool
) -> None:
    assert failed(facts(accuracy=served), facts(accuracy=new)) == (
        ["validation"] if refused else []
    )


def test_release_checks_fewer_images_prove_less() -> None:
    assert failed(facts(accuracy=0.99, images=500), facts(accuracy=0.98, images=500)) == []
    assert failed(facts(accuracy=0.99, images=5_000), facts(accuracy=0.98, images=5_000)) == [
        "validation"
    ]


def test_release_checks_never_reads_the_test_set() -> None:
    def scored(test: float) -> Facts:
        return facts(metrics={"validation": {"accuracy": 0.99}, "test": {"accuracy": test}})

    assert compare(scored(0.99), scored(0.1)) == compare(scored(0.99), scored(0.99))


def test_release_checks_scores_on_other_data_prove_nothing() -> None:
    assert failed(facts(), facts(accuracy=1.0, data={"name": "other"})) == ["validation"]


@pytest.mark.parametrize(
    "changes",
    [{"metrics": {}}, {"config": {}}, {"accuracy": 1.5}, {"images": 0}, {"accuracy": float("nan")}],
)
def test_release_checks_manifest_without_usable_scores_is_refused(changes: dict[str, Any]) -> None:
    assert failed(facts(), facts(**changes)) == ["validation"]


def drawn(
    accuracy: float, images: float = 1_000, family: float = 1, name: str = "freehand"
) -> Facts:
    """A version with a score of drawings."""
    score = {"accuracy": accuracy, "images": images, "family": family}
    return facts(metrics={"validation": {"accuracy": 0.99}, name: score})


@pytest.mark.parametrize(("served", "new", "refused"), [(0.98, 0.972, False), (0.98, 0.96, True)])
def test_gate_forms_score_worse_than_chance_explains_is_refused(
    served: float, new: float, refused: bool
) -> None:
    found = failed(drawn(served, name="forms"), drawn(new, name="forms"))
    assert found == (["forms"] if refused else [])
    assert failed(drawn(served, name="forms"), facts()) == ["forms"]


@pytest.mark.parametrize(
    ("served", "new", "refused"),
    [
        (0.98, 0.99, False),
        (0.98, 0.972, False),
        (0.98, 0.96, True),
        (1.0, 0.998, False),
        (1.0, 0.99, True),
    ],
)
def test_release_checks_freehand_score_worse_than_chance_explains_is_refused(
    served: float, new: float, refused: bool
) -> None:
    assert failed(drawn(served), drawn(new)) == (["freehand"] if refused else [])


def test_release_checks_freehand_score_that_got_lost_is_refused() -> None:
    assert failed(drawn(0.9), facts()) == ["freehand"]


def test_release_checks_freehand_scores_that_cannot_be_compared_are_not_compared() -> None:
    assert failed(facts(), drawn(0.5)) == []
    findings = {
        finding.check: finding for finding in compare(drawn(0.99, family=1), drawn(0.5, family=2))
    }
    assert findings["freehand"].passed
    assert (
        findings["freehand"].text
        == "not compared: scored on drawings of family 2, the served version on family 1"
    )


@pytest.mark.parametrize("score", [(float("nan"), 1_000), (1.5, 1_000), (0.9, 0)])
def test_release_checks_freehand_score_that_is_none_is_refused(score: tuple[float, float]) -> None:
    assert failed(drawn(0.9), drawn(*score)) == ["freehand"]
    assert failed(
        drawn(0.9), facts(metrics={"validation": {"accuracy": 0.99}, "freehand": {}})
    ) == ["freehand"]


def test_release_checks_other_labels_or_another_order_are_refused() -> None:
    assert failed(facts(), facts(labels=tuple("1023456789"))) == ["labels"]


def test_release_checks_signatures_may_gain_outputs_but_lose_nothing() -> None:
    more = signatures()
    drawings = more["drawings"]
    more["drawings"] = Signature(
        "drawings", drawings.inputs, (*drawings.outputs, Tensor("ood_score", "float32", (None,)))
    )
    more["extra"] = more["explain"]
    assert failed(facts(), facts(signature=more)) == []
    assert failed(facts(signature=more), facts()) == ["calls"]


def test_release_checks_signatures_with_other_inputs_are_refused() -> None:
    other = signatures()
    other["serving_default"] = Signature(
        "serving_default",
        (Tensor("images", "float32", (None, 28, 28)),),
        other["serving_default"].outputs,
    )
    (text,) = refusals(compare(facts(), facts(signature=other)))
    assert (
        "expected 'serving_default' to take images uint8 [n, 28, 28]; received images float32 [n, "
        "28, 28]" in text
    )


def test_release_checks_takes_further_checks_as_data() -> None:
    def freehand(served: Facts, new: Facts) -> tuple[bool, str]:
        return new.manifest.metrics["freehand"]["a"] >= served.manifest.metrics["freehand"][
            "a"
        ], "compared"

    found = compare(
        facts(metrics={"freehand": {"a": 1}}),
        facts(metrics={"freehand": {"a": 1}}),
        {"freehand": freehand},
    )
    assert [(finding.check, finding.passed) for finding in found[1:]] == [("freehand", True)]


def test_release_checks_does_not_compare_with_a_version_that_came_with_inkwell() -> None:
    """The first version that a user trains is served, though the released one is better and has
    other labels."""
    released = facts(accuracy=0.999, released=True)
    assert failed(released, facts(accuracy=0.97, labels=tuple("abcdefghij"))) == []
    assert failed(facts(accuracy=0.999), facts(accuracy=0.97)) == ["validation"]


@pytest.mark.parametrize("served", [None, facts(released=True), facts(accuracy=0.1)])
@pytest.mark.parametrize(
    ("accuracy", "labels", "refused"),
    [
        (0.1, 10, True),
        (0.1124, 10, True),  # always "1", MNIST's most frequent digit
        (0.18, 10, True),
        (0.2, 10, False),
        (0.5, 2, True),
        (0.6, 2, False),
    ],
)
def test_release_checks_network_that_guesses_is_refused_whatever_is_served(
    served: Facts | None, accuracy: float, labels: int, refused: bool
) -> None:
    new = facts(accuracy=accuracy, labels=tuple(f"label {n}" for n in range(labels)))
    found = [finding.check for finding in compare(served, new, {}) if not finding.passed]
    assert found == (["chance"] if refused else [])
