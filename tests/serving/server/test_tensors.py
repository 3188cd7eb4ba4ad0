"""The gRPC protocol's tensors: what is read, what is refused, and that refusing costs nothing."""

import tracemalloc

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import predict_pb2

from serving.server.codecs import protobuf
from serving.server.errors import InvalidArgumentError
from serving.server.models.dtypes import BY_NUMBER
from serving.server.models.signature import ServedSignature, TensorSpec
from tests.support.server_fixtures import Array, Protocols, ask, fault_of

LIMIT = 1 << 20

ARRAYS = [
    np.array([[1.5, -2.0]], np.float32),
    np.array([0.1], np.float64),
    np.array([-5, 7], np.int32),
    np.array([0, 255], np.uint8),
    np.array([-300], np.int16),
    np.array([-128, 127], np.int8),
    np.array([b"a", b"", b"\xff\x00"], object),
    np.array([1 + 2j], np.complex64),
    np.array([1 - 2j], np.complex128),
    np.array([2**62], np.int64),
    np.array([True, False]),
    np.array([1.5, -1], tf.bfloat16.as_numpy_dtype),
    np.array([65535], np.uint16),
    np.array([0.5], np.float16),
    np.array([2**32 - 1], np.uint32),
    np.array([2**64 - 1], np.uint64),
    np.array(3.5, np.float32),
    np.zeros((0, 28, 28), np.uint8),
]


def proto(text: str) -> tensor_pb2.TensorProto:
    return text_format.Parse(text, tensor_pb2.TensorProto())


def same(one: Array, other: Array) -> bool:
    return (
        bool(one.dtype == other.dtype)
        and one.shape == other.shape
        and one.tolist() == other.tolist()
    )


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{list(a.shape)}")
@pytest.mark.parametrize("as_content", [False, True], ids=["fields", "content"])
def test_every_type_survives_both_spellings(array: Array, as_content: bool) -> None:
    number = tf.as_dtype(array.dtype).as_datatype_enum
    message = tensor_pb2.TensorProto()
    protobuf.encode_into(
        message, array, TensorSpec("x", BY_NUMBER[number], None), as_content=as_content
    )
    assert same(protobuf.decode(message, LIMIT), array)
    assert tf.make_ndarray(message).tolist() == array.tolist()


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{list(a.shape)}")
def test_tensors_made_by_tensorflow_are_read(array: Array) -> None:
    assert same(protobuf.decode(tf.make_tensor_proto(array), LIMIT), array)


def test_one_value_stands_for_all() -> None:
    assert (
        protobuf.decode(
            proto("dtype: DT_UINT8 tensor_shape { dim { size: 4 } } int_val: 7"), LIMIT
        ).tolist()
        == [7] * 4
    )


BAD_TENSORS = {
    "no_type": ("tensor_shape { dim { size: 1 } } float_val: 1", "known element type"),
    "reference_type": (
        "dtype: DT_FLOAT_REF tensor_shape { dim { size: 1 } } float_val: 1",
        "known element type",
    ),
    "negative_size": ("dtype: DT_FLOAT tensor_shape { dim { size: -1 } } float_val: 1", "negative"),
    "too_few": (
        "dtype: DT_FLOAT tensor_shape { dim { size: 5 } } float_val: 1 float_val: 2",
        "expected 5 values",
    ),
    "none": ("dtype: DT_FLOAT tensor_shape { dim { size: 5 } }", "expected 5 values"),
    "too_many": (
        "dtype: DT_FLOAT tensor_shape { dim { size: 1 } } float_val: 1 float_val: 2",
        "expected 1 values",
    ),
    "wrong_field": ("dtype: DT_FLOAT tensor_shape { dim { size: 1 } } int_val: 7", "in float_val"),
    "content_short": (
        'dtype: DT_FLOAT tensor_shape { dim { size: 1 } } tensor_content: "abc"',
        "expected 4 bytes",
    ),
    "content_of_strings": (
        'dtype: DT_STRING tensor_shape { dim { size: 1 } } tensor_content: "abc"',
        "string_val",
    ),
    "uint8_256": ("dtype: DT_UINT8 tensor_shape { dim { size: 1 } } int_val: 256", "from 0 to 255"),
    "uint8_negative": (
        "dtype: DT_UINT8 tensor_shape { dim { size: 1 } } int_val: -1",
        "from 0 to 255",
    ),
    "half_pair": ("dtype: DT_COMPLEX64 tensor_shape { dim { size: 1 } } scomplex_val: 1", "pairs"),
    "very_many_axes": (
        "dtype: DT_FLOAT tensor_shape { " + "dim { size: 1 } " * 40 + "} float_val: 1",
        "axes",
    ),
    "shape_bomb": (
        "dtype: DT_UINT8 tensor_shape { dim { size: 1000000 } dim { size: 28 } dim { size: 28 } } "
        "int_val: 0",
        "at most",
    ),
    "huge_shape": (
        "dtype: DT_UINT8 tensor_shape { dim { size: 4611686018427387904 } dim { size: "
        "4611686018427387904 } } int_val: 0",
        "at most",
    ),
    "string_bomb": (
        f'dtype: DT_STRING tensor_shape {{ dim {{ size: 4096 }} }} string_val: "{"x" * 1000}"',
        "one string for 4096",
    ),
}


@pytest.mark.parametrize(("text", "words"), BAD_TENSORS.values(), ids=BAD_TENSORS)
def test_bad_tensor_is_invalid_and_costs_no_memory(
    text: str, words: str, protocols: Protocols
) -> None:
    request = ask({})
    request.inputs["images"].CopyFrom(proto(text))
    tracemalloc.start()
    code, text = fault_of(lambda: protocols.predict(request))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert text.startswith("tensor parsing error: images")
    assert words in text
    assert peak < 2 << 20


@given(st.binary(max_size=60))
def test_any_bytes_as_a_tensor_are_read_or_refused(content: bytes) -> None:
    try:
        message = tensor_pb2.TensorProto.FromString(content)
    except Exception:  # noqa: BLE001 - no message at all: gRPC answers that
        return
    request = predict_pb2.PredictRequest(inputs={"x": message})
    signature = ServedSignature("s", {"x": TensorSpec("x", BY_NUMBER[1], None)}, {})
    try:
        protobuf.decode_inputs(request.inputs, signature, LIMIT)
    except InvalidArgumentError as error:
        assert error.text.startswith("tensor parsing error: x")
