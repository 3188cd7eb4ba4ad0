"""Tensors on the wire, against TensorFlow's own encoding."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from serving.client.transport.messages import AnyMessage, TensorProto
from serving.client.transport.tensors import decode, encode
from tests.support.client_doubles import Official, spelled_out

VALUES = {
    "float32": np.array([[0.5, -1.25e-38], [np.nan, np.inf]], np.float32),
    "int64": np.array([-(1 << 62), 0, 9]),
    "int32": np.array([[-5], [7]], np.int32),
    "uint8": np.arange(256, dtype=np.uint8).reshape(4, 8, 8),
    "no rows": np.zeros((0, 28, 28), np.uint8),
}


def ours(official: Official) -> AnyMessage:
    """The same bytes, as the client sees them."""
    return TensorProto.FromString(official.SerializeToString())


@pytest.mark.parametrize("spell", [False, True], ids=["content", "typed fields"])
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_decode_what_tensorflow_wrote_is_the_same_array(
    values: np.ndarray[Any, Any], spell: bool
) -> None:
    proto = tf.make_tensor_proto(values)
    read = decode(ours(spelled_out(proto) if spell else proto))
    assert read.dtype == values.dtype
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("given", [[], [4], [4, 5], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7]])
def test_decode_fewer_or_more_values_than_shape_is_as_tensorflow_does(given: list[int]) -> None:
    proto = tensor_pb2.TensorProto(dtype=tf.int32.as_datatype_enum, int_val=given)
    proto.tensor_shape.CopyFrom(tf.TensorShape([2, 3]).as_proto())
    expected = tf.make_ndarray(proto) if len(given) <= 6 else np.array([[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(decode(ours(proto)), expected)


BAD = {
    "another type": TensorProto(dtype=8),
    "an unheard-of type": TensorProto(dtype=999),
    "content of another size": TensorProto(dtype=1, tensor_content=bytes(7)),
    "content for no shape": TensorProto(dtype=1, tensor_content=bytes(8)),
    "a negative size": TensorProto(dtype=1, tensor_shape={"dim": [{"size": -1}]}),
    "a claim of a billion values": TensorProto(
        dtype=1, tensor_shape={"dim": [{"size": 1 << 30}]}, float_val=[1]
    ),
}


@pytest.mark.parametrize("message", BAD.values(), ids=BAD)
def test_decode_tensor_that_makes_no_sense_is_refused(message: AnyMessage) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(message)


def test_encode_images_tensorflow_reads_the_same_array() -> None:
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28), np.uint8)[::2]
    read = tensor_pb2.TensorProto.FromString(encode(images).SerializeToString())
    assert read.tensor_content
    np.testing.assert_array_equal(tf.make_ndarray(read), images)


def test_encode_drawings_tensorflow_reads_the_same_strings() -> None:
    drawings = [b"\x89PNG\x00", b"", bytes(range(256))]
    read = tensor_pb2.TensorProto.FromString(encode(drawings).SerializeToString())
    assert tf.make_ndarray(read).tolist() == drawings
