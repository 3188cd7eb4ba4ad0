"""Classify, regress and several of them at once, through both protocols."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, inference_pb2, input_pb2, regression_pb2

from serving.server.inference.examples import CLASSIFY, REGRESS
from tests.support.ports import free_port
from tests.support.server_fixtures import Protocols, fault_of, start_protocols

FEATURES = {
    "x": tf.io.FixedLenFeature([1], tf.float32),
    "bias": tf.io.FixedLenFeature([1], tf.float32, default_value=[0.0]),
}


class Examples(tf.Module):  # type: ignore[misc] # TensorFlow has no types
    """Doubles `x` and adds `bias`, in every shape that a result can have."""

    def _double(self, inputs: tf.Tensor) -> tf.Tensor:
        parsed = tf.io.parse_example(inputs, FEATURES)
        return 2.0 * parsed["x"] + parsed["bias"]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])  # type: ignore[untyped-decorator]
    def regress(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"outputs": self._double(inputs)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])  # type: ignore[untyped-decorator]
    def classify(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = tf.concat([self._double(inputs), -self._double(inputs)], axis=1)
        return {"scores": scores, "classes": tf.tile([["up", "down"]], [tf.shape(scores)[0], 1])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])  # type: ignore[untyped-decorator]
    def wide(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"outputs": tf.tile(self._double(inputs), [1, 2])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])  # type: ignore[untyped-decorator]
    def whole_scores(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"scores": tf.cast(self._double(inputs), tf.int64)}


@pytest.fixture(scope="module")
def protocols(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protocols]:
    base = tmp_path_factory.mktemp("examples")
    module = Examples()
    names = ("regress", "classify", "wide", "whole_scores")
    tf.saved_model.save(
        module, str(base / "1"), signatures={name: getattr(module, name) for name in names}
    )
    with start_protocols(
        model_base_path=Path(base),
        require_manifest=False,
        port=free_port(),
        rest_api_port=free_port(),
    ) as protocols:
        yield protocols


def examples(*values: float, context: float | None = None) -> input_pb2.Input:
    message = input_pb2.Input()
    filled: Any = message.example_list
    if context is not None:
        filled = message.example_list_with_context
        filled.context.features.feature["bias"].float_list.value.append(context)
    for value in values:
        filled.examples.add().features.feature["x"].float_list.value.append(value)
    return message


def regress(
    protocols: Protocols, signature: str, message: input_pb2.Input
) -> regression_pb2.RegressionResponse:
    spec = {"name": "digits", "signature_name": signature}
    request = regression_pb2.RegressionRequest(model_spec=spec, input=message)
    return protocols.call("Regress", request, regression_pb2.RegressionResponse)


def test_regress_answers_a_value_for_each_example(protocols: Protocols) -> None:
    reply = regress(protocols, "regress", examples(1.0, 2.5))
    assert [item.value for item in reply.result.regressions] == [2.0, 5.0]
    assert reply.model_spec.version.value == 1
    body = {"signature_name": "regress", "examples": [{"x": 1.0}, {"x": [2.5]}]}
    answer = protocols.post(body, "/v1/models/digits:regress")
    assert answer.json() == {"results": [2.0, 5.0]}
    assert answer.headers["model-version"] == "1"


def test_context_fills_in_what_an_example_lacks(protocols: Protocols) -> None:
    assert [
        item.value
        for item in regress(protocols, "regress", examples(1.0, context=10.0)).result.regressions
    ] == [12.0]
    body = {
        "signature_name": "regress",
        "context": {"bias": 10.0, "x": 7.0},
        "examples": [{"x": 1.0}, {}],
    }
    assert protocols.post(body, "/v1/models/digits:regress").json() == {"results": [12.0, 24.0]}


def test_classify_answers_each_class_with_its_score(protocols: Protocols) -> None:
    request = classification_pb2.ClassificationRequest(
        model_spec={"name": "digits", "signature_name": "classify"}, input=examples(1.0)
    )
    (found,) = protocols.call(
        "Classify", request, classification_pb2.ClassificationResponse
    ).result.classifications
    assert [(item.label, item.score) for item in found.classes] == [("up", 2.0), ("down", -2.0)]
    body = {"signature_name": "classify", "examples": [{"x": 1.0}]}
    assert protocols.post(body, "/v1/models/digits:classify").json() == {
        "results": [[["up", 2.0], ["down", -2.0]]]
    }


def test_multi_inference_answers_its_tasks_in_their_order(protocols: Protocols) -> None:
    request = inference_pb2.MultiInferenceRequest(input=examples(1.0))
    for method, signature in ((REGRESS, "regress"), (CLASSIFY, "classify")):
        request.tasks.add(
            method_name=method, model_spec={"name": "digits", "signature_name": signature}
        )
    first, second = protocols.call(
        "MultiInference", request, inference_pb2.MultiInferenceResponse
    ).results
    assert first.regression_result.regressions[0].value == 2.0
    assert second.classification_result.classifications[0].classes[0].label == "up"


@pytest.mark.parametrize(
    ("signature", "message", "words"),
    [
        ("nope", examples(1.0), "No signature was found with the name: nope"),
        ("wide", examples(1.0), "either [batch_size] or [batch_size, 1] but got [1,2]"),
        ("classify", examples(1.0), "Expected one output Tensor."),
        ("regress", examples(), "Input is empty."),
        ("whole_scores", examples(1.0), "No regression outputs found"),
    ],
)
def test_regress_that_cannot_be_answered_is_invalid(
    signature: str, message: input_pb2.Input, words: str, protocols: Protocols
) -> None:
    code, text = fault_of(lambda: regress(protocols, signature, message))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert words in text


@pytest.mark.parametrize(
    ("example", "words"),
    [
        ({"x": [1.0, "a"]}, "Unexpected element type in feature: x expecting type: float"),
        ({"x": [2.0, 1]}, "Unexpected element type in feature: x expecting type: float"),
        ({"x": ["a", 1]}, "Unexpected element type in feature: x expecting type: string"),
        ({"x": {"y": 1}}, "Feature: x has element with unexpected JSON type: Object"),
        ({"x": {"b64": "!"}}, "Unable to base64 decode"),
        (3, "Example must be JSON object but got JSON Number"),
        (True, "Example must be JSON object but got JSON True"),
    ],
)
def test_json_example_that_cannot_be_read_is_invalid(
    example: object, words: str, protocols: Protocols
) -> None:
    answer = protocols.post(
        {"signature_name": "regress", "examples": [example]}, "/v1/models/digits:regress"
    )
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_scores_of_another_type_are_refused(protocols: Protocols) -> None:
    answer = protocols.post(
        {"signature_name": "whole_scores", "examples": [{"x": 1.0}]}, "/v1/models/digits:classify"
    )
    assert (
        answer.status_code,
        "Expected scores Tensor of float. Got: int64" in answer.json()["error"],
    ) == (400, True)
