"""NumPy to JSON values: the REST protocol's outputs."""

import base64
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from serving.server.codecs.json_values import BASE64_KEY
from serving.server.errors import InvalidArgumentError
from serving.server.models.signature import Arrays, ServedSignature, TensorSpec

Array = np.ndarray[Any, Any]

_UNWRITABLE: Final = frozenset({"half", "bfloat16", "complex64", "complex128"})
"""Element types that the REST API has no JSON for, out."""
_FLOAT32_DIGITS: Final = 9
"""Decimal digits that tell any two float32 apart."""


def write_predictions(outputs: Arrays, signature: ServedSignature) -> list[Any]:
    """The row form of the outputs: one value an item, or one object if there are several outputs.

    Raises:
        InvalidArgumentError: an output has no batch axis, they differ in length, or JSON cannot
            carry its type.
    """
    columns = {name: write_value(array, signature.outputs[name]) for name, array in outputs.items()}
    for name, array in outputs.items():
        if array.ndim == 0:
            raise InvalidArgumentError(f"Tensor name: {name} has no shape information ")
    if len({array.shape[0] for array in outputs.values()}) != 1:
        raise InvalidArgumentError(
            "Tensor outputs have inconsistent batch size; ask for them with 'inputs' instead of "
            "'instances'"
        )
    if len(columns) == 1:
        (rows,) = columns.values()
        return list(rows)
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def write_columns(outputs: Arrays, signature: ServedSignature) -> Any:
    """The column form of the outputs: the value itself, or an object if there are several.

    Raises:
        InvalidArgumentError: JSON cannot carry an output's type.
    """
    columns = {name: write_value(array, signature.outputs[name]) for name, array in outputs.items()}
    return next(iter(columns.values())) if len(columns) == 1 else columns


def write_results(result: Sequence[Any]) -> list[Any]:
    """What classify and regress found: a list of [class, score] an example, or a number."""
    return [
        _shorten(np.float32(row)).item()
        if isinstance(row, float)
        else [[_text(label), _shorten(np.float32(score)).item()] for label, score in row]
        for row in result
    ]


def _text(value: bytes) -> str:
    """Bytes that are no UTF-8 pass through."""
    return value.decode("utf-8", errors="surrogateescape")


def write_value(array: Array, spec: TensorSpec) -> Any:
    """One output as nested lists; strings as text, or as base64 if the output's name ends in
    `_bytes`."""
    if spec.dtype.name in _UNWRITABLE:
        raise InvalidArgumentError(f"Failed to write JSON value for tensor type: {spec.dtype.name}")
    if spec.dtype.is_string:
        return _write_strings(array, as_base64=spec.name.endswith("_bytes")).tolist()
    if spec.dtype.name == "float":
        return _shorten(array).tolist()
    return array.tolist()


def _write_strings(array: Array, *, as_base64: bool) -> Array:
    written = np.empty(array.shape, dtype=np.object_)
    for position, value in np.ndenumerate(array):
        if as_base64:
            written[position] = {BASE64_KEY: base64.b64encode(value).decode("ascii")}
        else:
            written[position] = _text(value)
    return written


def _shorten(array: Any) -> Array:
    """float32 to the float64 with the same nine digits: 0.1 and not 0.10000000149011612 in the
    answer."""
    digits = [float(f"{value:.{_FLOAT32_DIGITS}g}") for value in array.ravel().tolist()]
    return np.array(digits, dtype=np.float64).reshape(array.shape)
