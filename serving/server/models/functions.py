"""The short way through a loaded function: NumPy arrays in, NumPy arrays out.

TensorFlow's own call binds names, looks for a gradient tape and packs the outputs again; a served
function needs none of it. This is the last step of that call, by itself: half of the Python code
that held the interpreter lock. The names are private, so TensorFlow's version is pinned exactly.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

from serving.server.models.signature import ServedSignature, TensorSpec

Array = np.ndarray[Any, Any]
Compute = Callable[[Sequence[Array]], list[Array]]
"""Computes a signature: inputs and outputs in the signature's order. Raises tf.errors.OpError."""

_EagerTensor: Final = tf.__internal__.EagerTensor


def compute_signature(function: Any, signature: ServedSignature) -> Compute:
    """The function behind a signature of a loaded SavedModel.

    Args:
        function: the ConcreteFunction; whoever computes keeps its variables alive.
        signature: what it takes and gives.
    """
    names = list(signature.inputs)
    order = [names.index(str(name)) for name in function._arg_keywords]
    assert sorted(function.structured_outputs) == list(signature.outputs), "both are sorted"
    compute = compute_flat(
        function, [signature.inputs[names[place]] for place in order], signature.outputs.values()
    )
    if order == sorted(order):
        return compute
    return lambda arrays: compute([arrays[place] for place in order])


def compute_flat(
    function: Any, inputs: Iterable[TensorSpec], outputs: Iterable[TensorSpec]
) -> Compute:
    """The same for a ConcreteFunction whose flat inputs and outputs are these."""
    flat, captured = function._inference_function, list(function.captured_inputs)
    count = len(flat.function_type.flat_outputs)
    numbers = [spec.dtype.number for spec in inputs]
    types = [spec.dtype.numpy for spec in outputs]
    tensorflow = context.context()
    tensorflow.ensure_initialized()

    def compute(arrays: Sequence[Array]) -> list[Array]:
        device = tensorflow.device_name
        tensors = [
            _EagerTensor(array, device, number)
            for array, number in zip(arrays, numbers, strict=True)
        ]
        answers = tensorflow.call_function(flat.name, tensors + captured, count) or []
        return [
            np.asarray(tensor._numpy(), dtype) for tensor, dtype in zip(answers, types, strict=True)
        ]

    return compute
