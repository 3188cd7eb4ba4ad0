"""The element types of tensors: TensorFlow's number and name, NumPy's type, and the field of a
TensorProto."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2


@dataclass(frozen=True)
class DType:
    """One element type. `name` is TensorFlow's in error texts; `field` holds the values in a
    TensorProto."""

    number: int
    name: str
    numpy: np.dtype[Any]
    field: str

    @property
    def is_string(self) -> bool:
        """Whether the elements are byte strings."""
        return bool(self.number == types_pb2.DT_STRING)

    @property
    def is_integer(self) -> bool:
        """Whether the elements are whole numbers (a bool is none)."""
        return self.numpy.kind in "iu"


def _row(number: int, name: str, numpy: Any, field: str) -> tuple[int, DType]:
    return number, DType(number, name, np.dtype(numpy), field)


BY_NUMBER: Final = dict(
    (
        _row(types_pb2.DT_FLOAT, "float", np.float32, "float_val"),
        _row(types_pb2.DT_DOUBLE, "double", np.float64, "double_val"),
        _row(types_pb2.DT_INT32, "int32", np.int32, "int_val"),
        _row(types_pb2.DT_UINT8, "uint8", np.uint8, "int_val"),
        _row(types_pb2.DT_INT16, "int16", np.int16, "int_val"),
        _row(types_pb2.DT_INT8, "int8", np.int8, "int_val"),
        _row(types_pb2.DT_STRING, "string", np.object_, "string_val"),
        _row(types_pb2.DT_COMPLEX64, "complex64", np.complex64, "scomplex_val"),
        _row(types_pb2.DT_INT64, "int64", np.int64, "int64_val"),
        _row(types_pb2.DT_BOOL, "bool", np.bool_, "bool_val"),
        _row(types_pb2.DT_BFLOAT16, "bfloat16", tf.bfloat16.as_numpy_dtype, "half_val"),
        _row(types_pb2.DT_UINT16, "uint16", np.uint16, "int_val"),
        _row(types_pb2.DT_COMPLEX128, "complex128", np.complex128, "dcomplex_val"),
        _row(types_pb2.DT_HALF, "half", np.float16, "half_val"),
        _row(types_pb2.DT_UINT32, "uint32", np.uint32, "uint32_val"),
        _row(types_pb2.DT_UINT64, "uint64", np.uint64, "uint64_val"),
    )
)
