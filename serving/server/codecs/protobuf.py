"""TensorProto to NumPy and back: the gRPC protocol's tensors, read with suspicion."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.server.errors import InvalidArgumentError
from serving.server.models.dtypes import BY_NUMBER, DType
from serving.server.models.signature import Arrays, ServedSignature, TensorSpec

Array = np.ndarray[Any, Any]


_MOST_AXES: Final = 32
"""More than any model has; NumPy stops at 64."""


class _UnreadableError(Exception):
    """Why one tensor cannot be read: what was expected, what was received."""


def decode_inputs(
    protos: Mapping[str, tensor_pb2.TensorProto], signature: ServedSignature, max_bytes: int
) -> Arrays:
    """Read the inputs of a request.

    Args:
        protos: tensors by name, as sent.
        signature: what is called.
        max_bytes: largest size of one tensor in memory; nothing larger is allocated.

    Raises:
        InvalidArgumentError: names that do not fit the signature, or a tensor that is not what it
            says it is.
    """
    signature.check_input_names(protos)
    return {name: _decode_input(name, protos[name], max_bytes) for name in signature.inputs}


def _decode_input(name: str, proto: tensor_pb2.TensorProto, max_bytes: int) -> Array:
    try:
        return decode(proto, max_bytes)
    except (_UnreadableError, ValueError, OverflowError) as error:
        reason = f": {error}" if isinstance(error, _UnreadableError) else ""
        raise InvalidArgumentError(f"tensor parsing error: {name}{reason}") from error


def decode(proto: tensor_pb2.TensorProto, max_bytes: int) -> Array:
    """Read one tensor. A single value may stand for all, as TensorFlow writes constants; otherwise
    the counts must agree."""
    dtype = BY_NUMBER.get(proto.dtype)
    if dtype is None:
        raise _UnreadableError(f"expected a known element type; received number {proto.dtype}")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if any(size < 0 for size in shape):
        raise _UnreadableError(
            "expected sizes of zero and more in its shape; received a negative one"
        )
    if len(shape) > _MOST_AXES:
        raise _UnreadableError(f"expected at most {_MOST_AXES} axes; received {len(shape)}")
    count = math.prod(shape)
    if count * dtype.numpy.itemsize > max_bytes:
        raise _UnreadableError(
            f"expected at most {max_bytes} bytes in a tensor; received a shape of {count} elements"
        )
    values = (
        _read_content(proto, dtype, count)
        if proto.tensor_content
        else _read_values(proto, dtype, count, max_bytes)
    )
    return values.reshape(shape)


def _read_content(proto: tensor_pb2.TensorProto, dtype: DType, count: int) -> Array:
    if dtype.is_string:
        raise _UnreadableError("expected strings in string_val; received tensor_content")
    if len(proto.tensor_content) != count * dtype.numpy.itemsize:
        raise _UnreadableError(
            f"expected {count * dtype.numpy.itemsize} bytes in tensor_content; received "
            f"{len(proto.tensor_content)}"
        )
    return np.frombuffer(proto.tensor_content, dtype=dtype.numpy)


def _read_values(proto: tensor_pb2.TensorProto, dtype: DType, count: int, max_bytes: int) -> Array:
    values = _FROM_FIELD.get(dtype.number, _from_numbers)(getattr(proto, dtype.field), dtype)
    if len(values) == 1 and count > 1:
        if dtype.is_string and count * len(values[0]) > max_bytes:
            raise _UnreadableError(
                f"expected at most {max_bytes} bytes in a tensor; received one string for {count} "
                "elements"
            )
        return np.full(count, values[0], dtype=dtype.numpy)
    if len(values) != count:
        raise _UnreadableError(
            f"expected {count} values in {dtype.field}, or one for all; received {len(values)}"
        )
    return values


def _from_numbers(field: Any, dtype: DType) -> Array:
    if dtype.is_integer and dtype.numpy.itemsize < np.dtype(np.int32).itemsize:
        return _narrow(np.fromiter(field, np.int32, len(field)), dtype)
    return np.fromiter(field, dtype.numpy, len(field))


def _narrow(wide: Array, dtype: DType) -> Array:
    limits = np.iinfo(dtype.numpy)
    if wide.size and (wide.min() < limits.min or wide.max() > limits.max):
        raise _UnreadableError(
            f"expected values from {limits.min} to {limits.max} for {dtype.name}; received others"
        )
    return wide.astype(dtype.numpy)


def _from_strings(field: Any, dtype: DType) -> Array:
    return np.fromiter(field, dtype.numpy, len(field))


def _from_bits(field: Any, dtype: DType) -> Array:
    return np.fromiter(field, np.uint16, len(field)).view(dtype.numpy)


def _from_pairs(field: Any, dtype: DType) -> Array:
    if len(field) % 2:
        raise _UnreadableError(
            "expected pairs of real and imaginary parts; received an odd number of values"
        )
    parts = np.float32 if dtype.number == types_pb2.DT_COMPLEX64 else np.float64
    return np.fromiter(field, parts, len(field)).view(dtype.numpy)


_FROM_FIELD: Mapping[int, Callable[[Any, DType], Array]] = {
    types_pb2.DT_STRING: _from_strings,
    types_pb2.DT_HALF: _from_bits,
    types_pb2.DT_BFLOAT16: _from_bits,
    types_pb2.DT_COMPLEX64: _from_pairs,
    types_pb2.DT_COMPLEX128: _from_pairs,
}


def encode_into(
    proto: tensor_pb2.TensorProto, array: Array, spec: TensorSpec, *, as_content: bool
) -> None:
    """Write one output into an empty message, in the typed field of its kind or as raw bytes."""
    dtype = spec.dtype
    proto.dtype = dtype.number
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add().size = size
    if as_content and not dtype.is_string:
        proto.tensor_content = array.tobytes()
    else:
        getattr(proto, dtype.field).extend(_to_field(array.ravel(), dtype))


def _to_field(flat: Array, dtype: DType) -> list[Any]:
    if dtype.field in _STORED_AS:
        flat = flat.view(_STORED_AS[dtype.field])
    return list(flat.tolist())


_STORED_AS: Final = {"half_val": np.uint16, "scomplex_val": np.float32, "dcomplex_val": np.float64}
"""Fields that hold bits or pairs of parts instead of values."""
