"""Signatures as data: which tensors a model takes and gives, read from its SignatureDefs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from digits.contract import PREDICT
from serving.server.errors import InvalidArgumentError, UnknownSignatureError
from serving.server.models.dtypes import BY_NUMBER, DType

INITIALISER: Final = "__saved_model_init_op"
"""Listed among the signatures of a SavedModel, but nobody can call it."""

Arrays = Mapping[str, np.ndarray[Any, Any]]
"""Tensors by name; byte strings are arrays of `bytes` objects."""


@dataclass(frozen=True)
class TensorSpec:
    """One input or output. A `None` in `shape` is a free axis; a `None` shape is anything."""

    name: str
    dtype: DType
    shape: tuple[int | None, ...] | None
    feed: str = ""
    """Name of the tensor in the graph, as the model's metadata shows it."""

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of this shape may be given."""
        if self.shape is None:
            return True
        return len(shape) == len(self.shape) and all(
            want in (None, got) for want, got in zip(self.shape, shape, strict=True)
        )

    @property
    def has_batch_axis(self) -> bool:
        """Whether the first axis counts items."""
        return self.shape is None or (len(self.shape) > 0 and self.shape[0] is None)


@dataclass(frozen=True)
class ServedSignature:
    """One way to call a model that is served, as its SignatureDef has it; inputs and outputs are
    sorted by name. What our own models promise is a `digits.contract.Signature`."""

    name: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]

    def choose_outputs(self, wanted: Iterable[str]) -> list[str]:
        """The outputs to answer with: the ones named, or all.

        Raises:
            InvalidArgumentError: a name that is not an output, or the same one twice.
        """
        chosen: list[str] = []
        for name in wanted:
            if name not in self.outputs:
                raise InvalidArgumentError(
                    f"output tensor alias not found in signature: {name} Outputs expected to be "
                    f"in the set {braces(self.outputs)}."
                )
            if name in chosen:
                raise InvalidArgumentError(f"duplicate output tensor alias: {name}")
            chosen.append(name)
        return chosen or list(self.outputs)

    def check_input_names(self, given: Iterable[str]) -> None:
        """Compare the names of the inputs sent with the signature's.

        Raises:
            InvalidArgumentError: one is missing, extra or misnamed.
        """
        sent = set(given)
        extra, missing = sent - self.inputs.keys(), self.inputs.keys() - sent
        if len(sent) != len(self.inputs):
            raise InvalidArgumentError(
                f"input size does not match signature: {len(sent)}!={len(self.inputs)} "
                f"len({braces(sent)}) != len({braces(self.inputs)}). "
                f"Sent extra: {braces(extra)}. Missing but required: {braces(missing)}."
            )
        if missing:
            raise InvalidArgumentError(
                f"Signature input alias: {min(missing)}(feed name: "
                f"{self.inputs[min(missing)].feed}) not found in request "
                "and no default value provided. Inputs expected to be in the request "
                f"{braces(sent)}, or default input alias set: "
            )


def braces(names: Iterable[str]) -> str:
    """Names the way TensorFlow Serving lists them."""
    return "{" + ",".join(sorted(names)) + "}"


def read_signatures(
    definitions: Mapping[str, meta_graph_pb2.SignatureDef],
) -> dict[str, ServedSignature]:
    """The callable signatures among a SavedModel's definitions, by name."""
    return {
        name: ServedSignature(
            name, _read_tensors(definition.inputs), _read_tensors(definition.outputs)
        )
        for name, definition in definitions.items()
        if name != INITIALISER
    }


def find_signature(signatures: Mapping[str, ServedSignature], name: str) -> ServedSignature:
    """The signature called `name`; an empty name is the default one.

    Raises:
        UnknownSignatureError: there is none of that name.
    """
    try:
        return signatures[name or PREDICT]
    except KeyError:
        raise UnknownSignatureError(name or PREDICT) from None


def _read_tensors(tensors: Mapping[str, meta_graph_pb2.TensorInfo]) -> dict[str, TensorSpec]:
    return {name: _read_tensor(name, tensors[name]) for name in sorted(tensors)}


def _read_tensor(name: str, info: meta_graph_pb2.TensorInfo) -> TensorSpec:
    shape = (
        None
        if info.tensor_shape.unknown_rank
        else tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
    )
    return TensorSpec(name, BY_NUMBER[info.dtype], shape, info.name)
