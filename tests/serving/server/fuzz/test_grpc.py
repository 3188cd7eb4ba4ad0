"""Anything at all sent to the gRPC protocol: a documented code, at once, that tells nothing of the
server's inside."""

from typing import Any

import grpc
import numpy as np
from google.protobuf.message import DecodeError, Message
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server.codecs import protobuf
from serving.server.errors import InvalidArgumentError
from serving.server.inference.examples import CLASSIFY
from serving.server.models.dtypes import BY_NUMBER
from serving.server.models.signature import ServedSignature, TensorSpec
from tests.serving.server.fuzz.mutants import mutants
from tests.serving.server.fuzz.oracle import check_text
from tests.support.server_fixtures import BLANK, SECONDS, Protocols, ask

LIMIT = 1 << 20
DOCUMENTED = {
    "OK",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "FAILED_PRECONDITION",
    "UNIMPLEMENTED",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
}
"""Without those that need a fault, a flood or a slow model."""
UNDECODABLE = "Exception deserializing request!"
"""gRPC's own words, with INTERNAL, for bytes that are no message."""

PREDICTS = (
    ask({"images": BLANK}),
    ask({"png": np.array([b"PNG", b"x"], object)}, signature="drawings", output_filter=["digit"]),
    ask(
        {"x": np.array([0.5], np.float32), "pair": np.array([[1, 2]], np.int64)},
        signature="two",
        version=1,
    ),
)
_SPEC = {"name": "digits", "signature_name": "classify"}
_INPUT = {
    "example_list": {
        "examples": [{"features": {"feature": {"x": {"float_list": {"value": [1.0]}}}}}]
    }
}
CALLS: dict[str, tuple[str, list[Message], type[Message]]] = {
    "Predict": ("PredictionService", list(PREDICTS), predict_pb2.PredictRequest),
    "Classify": (
        "PredictionService",
        [classification_pb2.ClassificationRequest(model_spec=_SPEC, input=_INPUT)],
        classification_pb2.ClassificationRequest,
    ),
    "Regress": (
        "PredictionService",
        [regression_pb2.RegressionRequest(model_spec=_SPEC, input=_INPUT)],
        regression_pb2.RegressionRequest,
    ),
    "MultiInference": (
        "PredictionService",
        [
            inference_pb2.MultiInferenceRequest(
                tasks=[{"model_spec": _SPEC, "method_name": CLASSIFY}], input=_INPUT
            )
        ],
        inference_pb2.MultiInferenceRequest,
    ),
    "GetModelMetadata": (
        "PredictionService",
        [
            get_model_metadata_pb2.GetModelMetadataRequest(
                model_spec=_SPEC, metadata_field=["signature_def"]
            )
        ],
        get_model_metadata_pb2.GetModelMetadataRequest,
    ),
    "GetModelStatus": (
        "ModelService",
        [get_model_status_pb2.GetModelStatusRequest(model_spec=_SPEC)],
        get_model_status_pb2.GetModelStatusRequest,
    ),
    "HandleReloadConfigRequest": (
        "ModelService",
        [
            model_management_pb2.ReloadConfigRequest(
                config={"model_config_list": {"config": [{"name": "digits", "base_path": "/x"}]}}
            )
        ],
        model_management_pb2.ReloadConfigRequest,
    ),
}
MESSAGES = st.sampled_from(sorted(CALLS)).flatmap(
    lambda method: st.tuples(
        st.just(method), mutants([message.SerializeToString() for message in CALLS[method][1]])
    )
)


@settings(deadline=None)
@given(sent=MESSAGES)
def test_any_bytes_get_a_documented_code(protocols: Protocols, sent: tuple[str, bytes]) -> None:
    method, content = sent
    code, text = answer_to(protocols, method, content)
    check_text(text)
    assert code in DOCUMENTED or (
        code == "INTERNAL" and text == UNDECODABLE and not is_message(method, content)
    ), (code, text)


def answer_to(protocols: Protocols, method: str, content: bytes) -> tuple[str, str]:
    call = protocols.channel.unary_unary(
        f"/tensorflow.serving.{CALLS[method][0]}/{method}", bytes, bytes
    )
    try:
        call(content, timeout=SECONDS, wait_for_ready=True)
    except grpc.RpcError as error:
        return error.code().name, error.details() or ""
    return "OK", ""


def is_message(method: str, content: bytes) -> bool:
    try:
        CALLS[method][2].FromString(content)
    except DecodeError:
        return False
    return True


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        ["float_val", "double_val", "scomplex_val", "dcomplex_val"], st.floats(width=32)
    ),
    **dict.fromkeys(
        ["int_val", "half_val"], st.integers(-(2**31), 2**31 - 1) | st.sampled_from([0, 255, 256])
    ),
    "int64_val": st.integers(-(2**63), 2**63 - 1),
    "uint32_val": st.integers(0, 2**32 - 1),
    "uint64_val": st.integers(0, 2**64 - 1),
    "bool_val": st.booleans(),
    "string_val": st.binary(max_size=5),
}
"""Where a message keeps its values, and what may stand there."""
SIZES = st.integers(0, 4) | st.sampled_from([-1, -(2**63), 2**20, 2**31, 2**63 - 1])


@st.composite
def protos(draw: st.DrawFn) -> tensor_pb2.TensorProto:
    """A tensor of any type, shape and values, which seldom fit each other."""
    message = tensor_pb2.TensorProto(
        dtype=draw(
            st.sampled_from(sorted(types_pb2.DataType.values())) | st.integers(-(2**31), 2**31 - 1)
        )
    )
    message.tensor_shape.unknown_rank = draw(st.booleans())
    for size in draw(st.lists(SIZES, max_size=4) | st.just([1] * 300)):
        message.tensor_shape.dim.add(size=size)
    message.tensor_content = draw(st.just(b"") | st.binary(max_size=16))
    for field in draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=2)):
        getattr(message, field).extend(draw(st.lists(FIELDS[field], max_size=5)))
    return message


@settings(deadline=None)
@given(message=protos(), expected=st.sampled_from(sorted(BY_NUMBER)))
def test_any_tensor_is_read_within_the_limit_or_refused_in_words(
    message: tensor_pb2.TensorProto, expected: int
) -> None:
    signature = ServedSignature("s", {"x": TensorSpec("x", BY_NUMBER[expected], None)}, {})
    try:
        array = protobuf.decode_inputs({"x": message}, signature, LIMIT)["x"]
    except InvalidArgumentError as error:
        assert error.text.startswith("tensor parsing error: x")
        check_text(error.text)
    else:
        assert array.nbytes <= LIMIT
        assert list(array.shape) == [dim.size for dim in message.tensor_shape.dim]


@settings(deadline=None)
@given(message=protos())
def test_any_tensor_sent_to_a_model_gets_a_documented_code(
    protocols: Protocols, message: tensor_pb2.TensorProto
) -> None:
    request = ask({})
    request.inputs["images"].CopyFrom(message)
    code, text = answer_to(protocols, "Predict", request.SerializeToString())
    assert code in {"OK", "INVALID_ARGUMENT"}, (code, text)
    check_text(text)
