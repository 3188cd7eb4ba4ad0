"""Classify, Regress and MultiInference: the calls that send `tf.Example` messages instead of
tensors.

The core both protocols share, as `predict` is: it finds the version and the signature, computes,
and checks the shape of the result. Texts and the order of the checks are TensorFlow Serving's, as
recorded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import input_pb2

from digits.contract import PREDICT
from serving.server.errors import InvalidArgumentError, UnimplementedError
from serving.server.inference.pieces import compute
from serving.server.inference.predict import Limits
from serving.server.inference.validation import check_inputs
from serving.server.models.deadline import NO_DEADLINE, Deadline
from serving.server.models.model import Target
from serving.server.models.registry import Models
from serving.server.models.version import LoadedVersion

CLASSIFY: Final = "tensorflow/serving/classify"
REGRESS: Final = "tensorflow/serving/regress"
_INPUT: Final = "inputs"
_CLASSES: Final = "classes"
_SCORES: Final = "scores"
_REGRESSION: Final = "outputs"
_TABLE_AXES: Final = 2
"""Of an output with a row an example and a column a class."""
_KIND: Final = {CLASSIFY: "classification", REGRESS: "regression"}

Array = np.ndarray[Any, Any]
Classes = list[list[tuple[bytes, float]]]
"""For each example, each class with its score."""
Values = list[float]
"""For each example, its value."""


@dataclass(frozen=True)
class Task:
    """One question about the examples: `method` is CLASSIFY or REGRESS; an empty signature name is
    the default one."""

    method: str
    signature_name: str
    deadline: Deadline = NO_DEADLINE


@dataclass(frozen=True)
class Outcome:
    """The answer to a task, and who gave it."""

    model: str
    version: int
    signature_name: str
    result: Classes | Values


def infer(
    models: Models, target: Target, task: Task, examples: input_pb2.Input, limits: Limits
) -> Outcome:
    """Answer one task.

    Raises:
        ServingError: the model, the signature, an example or the result is not as it should be.
    """
    with models.lease(target) as version:
        return infer_with(version, task, examples, limits)


def infer_with(
    version: LoadedVersion, task: Task, examples: input_pb2.Input, limits: Limits
) -> Outcome:
    """As `infer`, with a version in hand.

    Raises:
        ServingError: the signature, an example or the result is not as it should be.
    """
    name = task.signature_name or PREDICT
    if name not in version.signatures:
        raise InvalidArgumentError(f"No signature was found with the name: {name}")
    if task.method not in _CHECKS:
        raise UnimplementedError(f"Unsupported signature method_name: {task.method}")
    outputs = _CHECKS[task.method](version.definitions[name], limits.check_method_names)
    serialized = _serialize(examples)
    signature = version.signatures[name]
    inputs = {_INPUT: serialized}
    check_inputs(signature, inputs, limits.max_items)
    answer = compute(
        version, signature, inputs, outputs, deadline=task.deadline, pieces=limits.pieces
    )
    result = (
        _read_classes(answer, len(serialized))
        if task.method == CLASSIFY
        else _read_values(answer[_REGRESSION], len(serialized))
    )
    return Outcome(version.model, version.number, name, result)


def infer_all(
    models: Models, tasks: Sequence[tuple[Target, Task]], examples: input_pb2.Input, limits: Limits
) -> list[Outcome]:
    """Answer several tasks about the same examples from the version that the first one means.

    Raises:
        ServingError: a task, the model, an example or a result is not as it should be.
    """
    first = tasks[0][0] if tasks else Target("")
    with models.lease(first) as version:
        checked = list(_check_tasks(version, first.model, tasks))
        for task in checked:
            definition = version.definitions[task.signature_name]
            _CHECKS[task.method](definition, limits.check_method_names)
        return [infer_with(version, task, examples, limits) for task in checked]


def _check_tasks(
    version: LoadedVersion, model: str, tasks: Sequence[tuple[Target, Task]]
) -> Iterator[Task]:
    seen = set()
    for target, task in tasks:
        name = task.signature_name or PREDICT
        if not target.model:
            raise InvalidArgumentError("Found ModelSpec with an empty model name.")
        if target.model != model:
            raise InvalidArgumentError(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        if name in seen:
            raise InvalidArgumentError(f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        if name not in version.signatures:
            raise InvalidArgumentError(f"Requested signature not found in model graph: {name}")
        if task.method not in _CHECKS:
            raise UnimplementedError(f"Unsupported signature method_name: {task.method}")
        yield Task(task.method, name, task.deadline)


def _check_classification(definition: meta_graph_pb2.SignatureDef, check_method: bool) -> list[str]:
    _check_method(definition, CLASSIFY, check_method)
    if len(definition.outputs) not in (1, 2):
        raise InvalidArgumentError(
            f"Expected one or two output Tensors, found {len(definition.outputs)}"
        )
    _check_input(definition, CLASSIFY)
    names = [name for name in (_CLASSES, _SCORES) if name in definition.outputs]
    if not names:
        raise InvalidArgumentError(
            'Expected classification signature outputs to contain at least one of "classes" or '
            f'"scores". Signature was: {definition}'
        )
    return names


def _check_regression(definition: meta_graph_pb2.SignatureDef, check_method: bool) -> list[str]:
    _check_method(definition, REGRESS, check_method)
    if len(definition.outputs) != 1:
        raise InvalidArgumentError("Expected one output Tensor.")
    _check_input(definition, REGRESS)
    if _REGRESSION not in definition.outputs:
        raise InvalidArgumentError(f"No regression outputs found in SignatureDef: {definition}")
    return [_REGRESSION]


_CHECKS: Final = {CLASSIFY: _check_classification, REGRESS: _check_regression}


def _check_method(definition: meta_graph_pb2.SignatureDef, method: str, check_method: bool) -> None:
    if check_method and definition.method_name != method:
        raise InvalidArgumentError(
            f"Expected {_KIND[method]} signature method_name to be {method}. Was: "
            f"{definition.method_name}"
        )
    if len(definition.inputs) != 1:
        raise InvalidArgumentError("Expected one input Tensor.")


def _check_input(definition: meta_graph_pb2.SignatureDef, method: str) -> None:
    if _INPUT not in definition.inputs:
        raise InvalidArgumentError(f"No {_KIND[method]} inputs found in SignatureDef: {definition}")


def _serialize(examples: input_pb2.Input) -> Array:
    """Serialized examples; what the context holds and an example lacks is put before it, where the
    example's own wins."""
    context = b""
    if examples.WhichOneof("kind") == "example_list_with_context":
        context = examples.example_list_with_context.context.SerializeToString()
        listed = examples.example_list_with_context.examples
    else:
        listed = examples.example_list.examples
    if not listed:
        raise InvalidArgumentError("Input is empty.")
    array = np.empty(len(listed), dtype=np.object_)
    array[:] = [context + example.SerializeToString() for example in listed]
    return array


def _read_classes(answer: Mapping[str, Array], count: int) -> Classes:
    classes, scores = answer.get(_CLASSES), answer.get(_SCORES)
    for name, array, wanted in ((_CLASSES, classes, np.object_), (_SCORES, scores, np.float32)):
        if array is not None:
            _check_table(name, array, wanted, count)
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise InvalidArgumentError(
            "Tensors class and score should match in dim_size(1). Got classes.dim_size(1) = "
            f"{classes.shape[1]} and scores.dim_size(1) = {scores.shape[1]}"
        )
    width = (classes if classes is not None else answer[_SCORES]).shape[1]
    labels = [[b""] * width] * count if classes is None else classes.tolist()
    numbers = [[0.0] * width] * count if scores is None else scores.tolist()
    return [list(zip(*row, strict=True)) for row in zip(labels, numbers, strict=True)]


def _check_table(name: str, array: Array, wanted: Any, count: int) -> None:
    if array.dtype != wanted:
        expected = "string" if wanted is np.object_ else "float"
        raise InvalidArgumentError(f"Expected {name} Tensor of {expected}. Got: {array.dtype.name}")
    if array.ndim != _TABLE_AXES:
        raise InvalidArgumentError(
            f"Expected Tensor shape: [batch_size num_classes] but got {_shape(array)}"
        )
    if array.shape[0] != count:
        raise InvalidArgumentError(
            f"Expected {name} output batch size of {count}. Got: {array.shape[0]}"
        )


def _read_values(array: Array, count: int) -> Values:
    if array.ndim not in (1, 2) or (array.ndim > 1 and array.shape[1] != 1):
        raise InvalidArgumentError(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"{_shape(array)}"
        )
    if array.shape[0] != count:
        raise InvalidArgumentError(
            f"Input batch size did not match output batch size: {count} vs. {array.shape[0]}"
        )
    if array.dtype != np.float32:
        raise InvalidArgumentError(f"Expected output Tensor of float. Got: {array.dtype.name}")
    return list(array.reshape(-1).tolist())


def _shape(array: Array) -> str:
    return f"[{','.join(map(str, array.shape))}]"
