"""Whether a served model keeps the contract."""

from dataclasses import replace

import pytest

from digits.contract import Signature, Tensor, signatures
from serving.client.agreement import differences

OURS = signatures()
DRAWINGS = OURS["drawings"]
FLOATS = Tensor("images", "float32", (None, 28, 28))
WHOLE = Tensor("ood_score", "int64", (None,))
ONE = Tensor("images", "uint8", (1, 28, 28))


def served(name: str = "drawings", **change: tuple[Tensor, ...]) -> dict[str, Signature]:
    """Our signatures with one of them changed."""
    return OURS | {name: replace(OURS[name], **change)}  # type: ignore[arg-type]


def test_differences_our_model_has_none() -> None:
    assert differences(OURS) == []


def test_differences_other_number_of_classes_is_fine() -> None:
    assert differences(signatures(classes=26)) == []


def test_differences_class_numbers_that_disagree_are_named() -> None:
    mixed = signatures(classes=26) | {"drawings": DRAWINGS}
    assert differences(mixed) == [
        "'drawings' output 'probabilities' is float32 [n,10], not float32 [n,26]"
    ]


def test_differences_more_outputs_and_signatures_are_fine() -> None:
    more = served(outputs=(*DRAWINGS.outputs, Tensor("heat", "float32", (None, 28, 28))))
    assert differences(more | {"features": Signature("features", (), ())}) == []


def test_differences_optional_output_may_be_there() -> None:
    assert differences(served(outputs=(*DRAWINGS.outputs, *DRAWINGS.optional))) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({k: v for k, v in OURS.items() if k != "explain"}, "signature 'explain' is missing"),
        (
            served(outputs=DRAWINGS.outputs[:-1]),
            "'drawings' output 'problem' is missing, not int32 [n]",
        ),
        (
            served(inputs=(Tensor("jpeg", "string", (None,)),)),
            "'drawings' input 'png' is missing, not string [n]",
        ),
        (
            served(inputs=(*DRAWINGS.inputs, Tensor("size", "int32", (None,)))),
            "'drawings' has an input 'size' too many",
        ),
        (
            served("explain", inputs=(FLOATS,)),
            "'explain' input 'images' is float32 [n,28,28], not uint8 [n,28,28]",
        ),
        (
            served("explain", inputs=(ONE,)),
            "'explain' input 'images' is uint8 [1,28,28], not uint8 [n,28,28]",
        ),
        (
            served(outputs=(*DRAWINGS.outputs, WHOLE)),
            "'drawings' output 'ood_score' is int64 [n], not float32 [n]",
        ),
        (
            served("classify", outputs=()),
            "'classify' output 'scores' is missing, not float32 [n,10]",
        ),
    ],
)
def test_differences_each_deviation_is_named(found: dict[str, Signature], expected: str) -> None:
    assert expected in differences(found)


def test_differences_empty_server_lacks_every_signature() -> None:
    assert differences({}) == [f"signature '{name}' is missing" for name in OURS]
