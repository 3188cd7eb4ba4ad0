"""Tensors between NumPy and the wire, for the data types of the contract."""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from serving.client.transport.messages import DATA_TYPES, AnyMessage, TensorProto

_VALUE_FIELDS: Final = {
    "float32": "float_val",
    "int32": "int_val",
    "uint8": "int_val",
    "int64": "int64_val",
}
"""Where a reply keeps its values when it does not use `tensor_content`. Source: TensorFlow's
tensor.proto."""
_NUMBERS: Final = {name: number for number, name in DATA_TYPES.items()}
_MOST_VALUES: Final = 1 << 24
"""No reply of ours comes near; a reply that claims more would only cost memory."""


def encode(values: NDArray[np.uint8] | Sequence[bytes]) -> AnyMessage:
    """Pack pixels (uint8, any shape) or encoded drawings (one string each, shape [n]) into a
    TensorProto."""
    if isinstance(values, np.ndarray):
        message = TensorProto(
            dtype=_NUMBERS["uint8"], tensor_content=np.ascontiguousarray(values).tobytes()
        )
        shape = values.shape
    else:
        message = TensorProto(dtype=_NUMBERS["string"], string_val=values)
        shape = (len(values),)
    for size in shape:
        message.tensor_shape.dim.add(size=size)
    return message


def decode(message: AnyMessage) -> NDArray[Any]:
    """Unpack a TensorProto of float32, int32, int64, uint8 or strings (as objects of type bytes).

    Values come as raw bytes in `tensor_content`, or one by one in a field of their type; there, as
    TensorFlow does it, the last value stands for all that are missing, and no value at all means
    zeros.

    Raises:
        ValueError: another data type, or the values do not fit the shape.
    """
    name = DATA_TYPES.get(message.dtype, str(message.dtype))
    if name not in (*_VALUE_FIELDS, "string"):
        raise ValueError(f"a tensor of {name}")
    shape = tuple(dim.size for dim in message.tensor_shape.dim)
    size = math.prod(shape)
    if min(shape, default=0) < 0 or size > _MOST_VALUES:
        raise ValueError(f"a tensor of shape {list(shape)}")
    if name == "string":
        return np.array(list(message.string_val), dtype=object).reshape(shape)
    if message.tensor_content:
        return np.frombuffer(message.tensor_content, dtype=name).reshape(shape)
    given = np.array(getattr(message, _VALUE_FIELDS[name])[:size], dtype=name)
    values = np.full(size, given[-1] if given.size else 0, dtype=name)
    values[: given.size] = given
    return values.reshape(shape)
