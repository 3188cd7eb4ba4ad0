"""One list of calls through both protocols: the same question gets the same answer, code and key
words."""

from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from serving.server.errors import Code
from serving.server.rest.app import HTTP_STATUS
from tests.support.server_fixtures import Array, Protocols, ask, fault_of

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)


@dataclass(frozen=True)
class Case:
    """One call and what both protocols say to it. `rest_words` where REST words it otherwise, as
    TensorFlow Serving does."""

    name: str
    inputs: dict[str, Any] = field(default_factory=lambda: {"images": IMAGES})
    model: str = "digits"
    version: int | None = None
    label: str = ""
    signature: str = ""
    code: Code = Code.OK
    words: str = ""
    rest_words: str | None = None

    @property
    def spec(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "version": self.version,
            "label": self.label,
            "signature": self.signature,
        }


BAD = Code.INVALID_ARGUMENT
CASES = (
    Case("images"),
    Case("named_version", version=1),
    Case("named_signature", signature="serving_default"),
    Case("empty_batch", inputs={"images": IMAGES[:0]}),
    Case(
        "drawings",
        inputs={"png": np.array([b"PNG 1", b"garbage", b"PNG 22"], object)},
        signature="drawings",
    ),
    Case("explain", signature="explain"),
    Case(
        "two_inputs",
        inputs={"x": np.array([0.5], np.float32), "pair": np.array([[1, 2]], np.int64)},
        signature="two",
    ),
    Case("most_items", inputs={"images": np.zeros((64, 28, 28), np.uint8)}),
    Case(
        "unknown_model",
        model="nope",
        code=Code.NOT_FOUND,
        words="Servable not found for request: Latest(nope)",
    ),
    Case(
        "unknown_version",
        version=9,
        code=Code.NOT_FOUND,
        words="Servable not found for request: Specific(digits, 9)",
    ),
    Case(
        "unknown_label",
        label="canary",
        code=BAD,
        words="Unrecognized servable version label: canary",
    ),
    Case(
        "unknown_label_of_unknown_model",
        model="nope",
        label="canary",
        code=BAD,
        words="Unrecognized servable version label",
    ),
    Case(
        "unknown_signature",
        signature="nope",
        code=Code.FAILED_PRECONDITION,
        words='Serving signature key "nope" not found.',
        rest_words='Serving signature name: "nope" not found in signature def',
    ),
    Case(
        "no_inputs",
        inputs={},
        code=BAD,
        words="input size does not match signature: 0!=1 len({}) != len({images})",
        rest_words="Missing named input: images in 'inputs' object.",
    ),
    Case(
        "misnamed_input",
        inputs={"pictures": IMAGES},
        code=BAD,
        words="Signature input alias: images(feed name: serving_default_images:0) not found in "
        "request and no default value provided",
        rest_words="Missing named input: images in 'inputs' object.",
    ),
    Case(
        "missing_one_input",
        inputs={"x": np.array([0.5], np.float32)},
        signature="two",
        code=BAD,
        words="Missing but required: {pair}",
        rest_words="Missing named input: pair in 'inputs' object.",
    ),
    Case(
        "float_images",
        inputs={"images": np.full((1, 28, 28), 0.5, np.float32)},
        code=BAD,
        words="Expects arg[0] to be uint8 but float is provided",
        rest_words="JSON Value: 0.5 Type: Number is not of expected type: uint8",
    ),
    Case(
        "string_for_image",
        inputs={"images": np.array([b"seven"], object)},
        code=BAD,
        words="Expects arg[0] to be uint8 but string is provided",
        rest_words="is not of expected type: uint8",
    ),
    Case(
        "image_for_drawing",
        inputs={"png": np.zeros(1, np.uint8)},
        signature="drawings",
        code=BAD,
        words="Expects arg[0] to be string but uint8 is provided",
        rest_words="JSON Value: 0 Type: Number is not of expected type: string",
    ),
    Case(
        "small_image",
        inputs={"images": np.zeros((1, 14, 14), np.uint8)},
        code=BAD,
        words="of shape [n, 28, 28]; received shape [1, 14, 14]",
    ),
    Case(
        "no_batch_axis",
        inputs={"images": IMAGES[0]},
        code=BAD,
        words="of shape [n, 28, 28]; received shape [28, 28]",
    ),
    Case(
        "channel_axis",
        inputs={"images": IMAGES[..., None]},
        code=BAD,
        words="received shape [3, 28, 28, 1]",
    ),
    Case(
        "flat_image",
        inputs={"images": IMAGES.reshape(3, 784)},
        code=BAD,
        words="received shape [3, 784]",
    ),
    Case(
        "too_many_items",
        inputs={"images": np.zeros((65, 28, 28), np.uint8)},
        code=BAD,
        words="at most 64 items in 'images'; received 65",
    ),
    Case(
        "kernel_refuses",
        inputs={"x": np.array([-4.0], np.float32)},
        signature="positive",
        code=BAD,
        words="every x must be above zero",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_predict_over_grpc_answers_as_listed(case: Case, protocols: Protocols) -> None:
    request = ask(case.inputs, **case.spec)
    if case.code == Code.OK:
        reply = protocols.predict(request)
        assert (reply.model_spec.name, reply.model_spec.version.value) == ("digits", 1)
        check_outputs(case, {name: tf.make_ndarray(proto) for name, proto in reply.outputs.items()})
    else:
        code, text = fault_of(lambda: protocols.predict(request))
        assert code.name == case.code.name
        check_text(text, case.words)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_predict_over_rest_answers_as_listed(case: Case, protocols: Protocols) -> None:
    answer = protocols.post(
        {
            "signature_name": case.signature,
            "inputs": {k: to_json(v) for k, v in case.inputs.items()},
        },
        path_of(case),
    )
    assert answer.status_code == HTTP_STATUS[case.code]
    if case.code == Code.OK:
        check_outputs(
            case, {name: np.array(value) for name, value in answer.json()["outputs"].items()}
        )
    else:
        check_text(
            answer.json()["error"], case.words if case.rest_words is None else case.rest_words
        )


def test_row_form_gives_the_column_forms_answers(protocols: Protocols) -> None:
    rows = protocols.post({"instances": IMAGES.tolist()}).json()["predictions"]
    columns = protocols.post({"inputs": IMAGES.tolist()}).json()["outputs"]
    assert [row["probabilities"] for row in rows] == columns["probabilities"]


def test_both_protocols_give_the_same_probabilities(protocols: Protocols) -> None:
    over_grpc = tf.make_ndarray(protocols.predict(ask({"images": IMAGES})).outputs["probabilities"])
    over_rest = protocols.post({"inputs": IMAGES.tolist()}).json()["outputs"]["probabilities"]
    assert np.array_equal(np.array(over_rest, np.float32), over_grpc)


def test_output_filter_keeps_what_it_names(protocols: Protocols) -> None:
    assert list(protocols.predict(ask({"images": IMAGES}, output_filter=["digit"])).outputs) == [
        "digit"
    ]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["nope"], "output tensor alias not found in signature: nope"),
        (["digit", "digit"], "duplicate output tensor alias: digit"),
    ],
)
def test_output_filter_unknown_or_repeated_is_invalid(
    names: list[str], words: str, protocols: Protocols
) -> None:
    code, text = fault_of(lambda: protocols.predict(ask({"images": IMAGES}, output_filter=names)))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    check_text(text, words)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (predict_pb2.PredictRequest(), "Missing ModelSpec"),
        (
            predict_pb2.PredictRequest(model_spec={"signature_name": "x"}),
            "ModelSpec has no name specified.",
        ),
    ],
    ids=["no_spec", "no_name"],
)
def test_predict_without_model_is_invalid(
    request_: predict_pb2.PredictRequest, words: str, protocols: Protocols
) -> None:
    code, text = fault_of(lambda: protocols.predict(request_))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    check_text(text, words)


def check_outputs(case: Case, outputs: dict[str, Array]) -> None:
    count = len(next(iter(case.inputs.values())))
    if "digit" in outputs:
        assert outputs["digit"].tolist() == [3] * count
    if "problem" in outputs:
        assert outputs["problem"].tolist() == [0, 1, 0], (
            "one bad drawing leaves its neighbours alone"
        )
    if "sum" in outputs:
        assert outputs["sum"].tolist() == [3.5]


def check_text(text: str, words: str) -> None:
    assert words in text
    for internal in ("Traceback", "{{node", "__inference", "File ", ".py", "/tmp"):
        assert internal not in text


def path_of(case: Case) -> str:
    version = "" if case.version is None else f"/versions/{case.version}"
    label = f"/labels/{case.label}" if case.label else ""
    return f"/v1/models/{case.model}{version}{label}:predict"


def to_json(array: Array) -> list[object]:
    return [value.decode() for value in array] if array.dtype == object else list(array.tolist())
