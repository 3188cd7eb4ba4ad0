"""JSON values to NumPy: one tensor of any shape, and its strings.

Good requests take the short way: a list is flattened level by level at C speed, and the set of its
leaves' types tells whether every one is right. Only a bad request is looked at item by item, to say
where it went wrong.
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, Final, NoReturn

import numpy as np

from serving.server.codecs import json_base64
from serving.server.codecs.json_parser import DEEPEST, echo
from serving.server.errors import InvalidArgumentError, UnimplementedError
from serving.server.models.dtypes import DType

Array = np.ndarray[Any, Any]

BASE64_KEY: Final = "b64"
_JSON_TYPES: Final = {
    type(None): "Null",
    bool: "Bool",
    int: "Number",
    float: "Number",
    str: "String",
    list: "Array",
    dict: "Object",
}
_UNREADABLE: Final = frozenset({"uint16", "half", "bfloat16", "complex64", "complex128"})
"""Element types that the REST API has no JSON for, in."""


def read_value(value: Any, dtype: DType) -> Array:
    """Read one tensor of any shape.

    Raises:
        InvalidArgumentError: it is ragged, too deep, or an element has another type.
        UnimplementedError: JSON cannot carry this element type.
    """
    shape, leaves, kinds = _flatten(value)
    if dtype.name in _UNREADABLE and leaves:
        raise UnimplementedError(
            f"Conversion of JSON Value: {echo(leaves[0])} to type: {dtype.name}"
        )
    return _read_leaves(leaves, kinds, dtype).reshape(shape)


def is_base64(item: Any) -> bool:
    """Whether a JSON value stands for bytes: an object with the one key `b64`."""
    return isinstance(item, dict) and len(item) == 1 and isinstance(item.get(BASE64_KEY), str)


def _flatten(value: Any) -> tuple[tuple[int, ...], list[Any], set[type]]:
    """The shape of nested lists, their leaves in order, and the leaves' types."""
    shape: list[int] = []
    level, kinds = [value], {type(value)}
    while list in kinds:
        if kinds != {list}:
            raise InvalidArgumentError(
                f"Encountered value and list at the same level: {len(shape)}"
            )
        size = len(level[0])
        if set(map(len, level)) != {size}:
            odd = next(len(item) for item in level if len(item) != size)
            raise InvalidArgumentError(
                f"Encountered list at unexpected size: {odd} at level: {len(shape)} expected "
                f"size: {size}"
            )
        if len(shape) == DEEPEST:
            raise InvalidArgumentError(
                f"Encountered list at unexpected level: {DEEPEST}; send a flatter one"
            )
        shape.append(size)
        level = list(chain.from_iterable(level))
        kinds = set(map(type, level))
    return tuple(shape), level, kinds


def _read_leaves(leaves: list[Any], kinds: set[type], dtype: DType) -> Array:
    if dtype.is_string:
        return _read_strings(leaves, dtype)
    if not kinds <= _TAKEN[dtype.numpy.kind]:
        _blame_leaf(leaves, dtype, lambda leaf: type(leaf) in _TAKEN[dtype.numpy.kind])
    if dtype.is_integer:
        return _read_integers(leaves, dtype)
    with np.errstate(over="ignore"):  # 1e39 becomes infinity in float32, as with TensorFlow Serving
        return np.fromiter(
            leaves, np.bool_ if dtype.numpy.kind == "b" else np.float64, len(leaves)
        ).astype(dtype.numpy)


_TAKEN: Final[Mapping[str, frozenset[type]]] = {
    "f": frozenset({int, float}),
    "i": frozenset({int}),
    "u": frozenset({int}),
    "b": frozenset({bool}),
}
"""Python types of JSON values that fit an element type, by NumPy's kind."""


def _read_integers(leaves: list[Any], dtype: DType) -> Array:
    try:
        if dtype.numpy == np.uint8:  # images; four times as fast as `fromiter`
            return np.frombuffer(bytes(leaves), dtype.numpy)
        return np.fromiter(leaves, dtype.numpy, len(leaves))
    except (ValueError, OverflowError):  # what bytes and NumPy say of a number out of range
        limits = np.iinfo(dtype.numpy)
        _blame_leaf(leaves, dtype, lambda leaf: limits.min <= leaf <= limits.max)


def _read_strings(leaves: list[Any], dtype: DType) -> Array:
    array = np.empty(len(leaves), dtype=dtype.numpy)
    for position, leaf in enumerate(leaves):
        array[position] = _read_string(leaf, dtype)
    return array


def _read_string(leaf: Any, dtype: DType) -> bytes:
    text = read_bytes(leaf)
    if text is None:
        raise _type_fault(leaf, dtype)
    return text


def _blame_leaf(leaves: Iterable[Any], dtype: DType, fits: Any) -> NoReturn:
    raise _type_fault(next(leaf for leaf in leaves if not fits(leaf)), dtype)


def _type_fault(leaf: Any, dtype: DType) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"JSON Value: {echo(leaf)} Type: {type_name(leaf)} is not of expected type: {dtype.name}"
    )


def type_name(value: Any) -> str:
    """What RapidJSON calls this kind of value; true and false are kinds of their own."""
    return str(value) if isinstance(value, bool) else _JSON_TYPES[type(value)]


def read_bytes(value: Any) -> bytes | None:
    """A string, or what a base64 object holds; none if it is neither.

    Raises:
        InvalidArgumentError: it cannot be decoded.
    """
    if isinstance(value, str):
        try:
            return value.encode("utf-8", errors="surrogateescape")
        except UnicodeEncodeError as error:
            raise InvalidArgumentError(
                "JSON Parse error: The surrogate pair in string is invalid."
            ) from error
    if not is_base64(value):
        return None
    return json_base64.decode(value[BASE64_KEY])
