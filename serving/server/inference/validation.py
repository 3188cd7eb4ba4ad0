"""Input validation: nothing reaches TensorFlow that does not fit the signature and the limits."""

from typing import Any

import numpy as np

from serving.server.errors import InvalidArgumentError
from serving.server.models.signature import Arrays, ServedSignature, TensorSpec


def check_inputs(signature: ServedSignature, inputs: Arrays, max_items: int) -> None:
    """Refuse what a kernel would refuse less politely, or take by mistake.

    Args:
        signature: what is called.
        inputs: what was sent, under exactly the signature's names.
        max_items: largest first axis where that axis is free.

    Raises:
        InvalidArgumentError: an input of another type or shape, or too many items.
    """
    for position, (name, spec) in enumerate(signature.inputs.items()):
        array = inputs[name]
        _check_type(position, spec, array)
        if not spec.fits(array.shape):
            raise InvalidArgumentError(
                f"Expected input '{name}' of shape {show_shape(spec.shape)}; received shape "
                f"{show_shape(array.shape)}; "
                "send it as the signature has it (see the model's metadata)"
            )
        if array.ndim > 0:
            check_count(spec, array.shape[0], max_items)


def check_count(spec: TensorSpec, count: int, max_items: int) -> None:
    """Refuse too many items in one input.

    Raises:
        InvalidArgumentError: more than `max_items` where the first axis is free.
    """
    if spec.has_batch_axis and count > max_items:
        raise InvalidArgumentError(
            f"Expected at most {max_items} items in '{spec.name}'; received {count}; send them in "
            "parts"
        )


def _check_type(position: int, spec: TensorSpec, array: np.ndarray[Any, Any]) -> None:
    if array.dtype != spec.dtype.numpy:
        raise InvalidArgumentError(
            f"Expects arg[{position}] to be {spec.dtype.name} but {_type_name(array.dtype)} is "
            "provided"
        )


def _type_name(dtype: np.dtype[Any]) -> str:
    names = {
        np.dtype(np.float32): "float",
        np.dtype(np.float64): "double",
        np.dtype(np.float16): "half",
        np.dtype(np.object_): "string",
    }
    return names.get(dtype, dtype.name)


def show_shape(shape: tuple[int | None, ...] | None) -> str:
    """A shape for people: `[n, 28, 28]`, where n is free."""
    return (
        "[…]"
        if shape is None
        else f"[{', '.join('n' if size is None else str(size) for size in shape)}]"
    )
