"""The REST protocol's inputs: the rows or columns of a request to one array an input."""

from typing import Any

from serving.server.codecs.json_parser import echo
from serving.server.codecs.json_values import Array, is_base64, read_value
from serving.server.errors import InvalidArgumentError, ServingError
from serving.server.models.signature import Arrays, ServedSignature, TensorSpec, braces


def read_instances(instances: Any, signature: ServedSignature) -> Arrays:
    """Read the row form: a list with one item an instance.

    Raises:
        InvalidArgumentError: naming the first item that does not fit.
    """
    if not isinstance(instances, list):
        raise InvalidArgumentError(
            f"JSON Value: {echo({'instances': instances})} Expecting 'instances' to be an "
            "list/array"
        )
    if not instances:
        raise InvalidArgumentError(
            f"JSON Value: {echo({'instances': instances})} No values in 'instances' array"
        )
    if _is_named(instances[0]):
        return _read_named_rows(instances, signature)
    if len(signature.inputs) != 1:
        raise InvalidArgumentError(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    for position, item in enumerate(instances):
        if _is_named(item):
            raise InvalidArgumentError(
                f"Expecting value/list but got object at item {position} of input list"
            )
    (spec,) = signature.inputs.values()
    return {spec.name: _read_rows(instances, spec, key=None)}


def read_columns(inputs: Any, signature: ServedSignature) -> Arrays:
    """Read the column form: one value an input, each with its batch axis.

    Raises:
        InvalidArgumentError: naming the input that does not fit.
    """
    if _is_named(inputs):
        for name in signature.inputs:
            if name not in inputs:
                raise InvalidArgumentError(f"Missing named input: {name} in 'inputs' object.")
        return {name: _read_column(inputs[name], spec) for name, spec in signature.inputs.items()}
    if len(signature.inputs) != 1:
        raise InvalidArgumentError(
            "inputs is a plain value/list, but expecting an object as multiple input tensors "
            "required as per tensorinfo_map"
        )
    (spec,) = signature.inputs.values()
    return {spec.name: _read_column(inputs, spec)}


def _read_column(value: Any, spec: TensorSpec) -> Array:
    array = read_value(value, spec.dtype)
    # `[]` is an empty batch, whatever an item looks like.
    if array.shape == (0,) and spec.shape and spec.has_batch_axis:
        return array.reshape(0, *(size or 0 for size in spec.shape[1:]))
    return array


def _is_named(item: Any) -> bool:
    return isinstance(item, dict) and not is_base64(item)


def _read_named_rows(instances: list[Any], signature: ServedSignature) -> Arrays:
    for position, item in enumerate(instances):
        if not _is_named(item):
            raise InvalidArgumentError(
                f"Expecting object but got list at item {position} of input list"
            )
        for name in item:
            if name not in signature.inputs:
                raise InvalidArgumentError(
                    f"Failed to process element: {position} key: {name} of 'instances' list. "
                    f"Error: INVALID_ARGUMENT: JSON object: does not have named input: {name}"
                )
        if len(item) != len(signature.inputs):
            raise InvalidArgumentError(
                f"Failed to process element: {position} of 'instances' list. "
                f"JSON object: {echo(item)} keys must be equal to: {braces(signature.inputs)[1:-1]}"
            )
    return {
        name: _read_rows([item[name] for item in instances], spec, key=name)
        for name, spec in signature.inputs.items()
    }


def _read_rows(rows: list[Any], spec: TensorSpec, key: str | None) -> Array:
    try:
        return read_value(rows, spec.dtype)
    except ServingError:
        _blame_row(rows, spec, key)
        raise


def _blame_row(rows: list[Any], spec: TensorSpec, key: str | None) -> None:
    """Raise for the first row that is wrong by itself or of another shape than the first."""
    first: tuple[int, ...] | None = None
    for position, row in enumerate(rows):
        try:
            shape = read_value(row, spec.dtype).shape
            if first is not None and shape != first:
                raise InvalidArgumentError(_shape_fault(first, shape))
        except ServingError as error:
            place = f"{position}" if key is None else f"{position} key: {key}"
            raise InvalidArgumentError(
                f"Failed to process element: {place} of 'instances' list. Error: "
                f"{error.code.name}: {error.text}"
            ) from error
        first = shape


def _shape_fault(expected: tuple[int, ...], received: tuple[int, ...]) -> str:
    if len(expected) == len(received) == 1:
        return f"Expecting tensor size: {expected[0]} but got: {received[0]}"
    return (
        f"Expecting shape [{','.join(map(str, expected))}] but got: "
        f"[{','.join(map(str, received))}]"
    )
