"""The core both protocols share: find the version, find the signature, read the inputs,
validate, compute.

It knows neither gRPC nor HTTP: a protocol hands in who is asked and a function that reads its own
kind of inputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.server.inference.pieces import Pieces, check_deadline, compute
from serving.server.inference.validation import check_inputs
from serving.server.models.deadline import NO_DEADLINE, Deadline
from serving.server.models.model import Target
from serving.server.models.registry import Models
from serving.server.models.signature import Arrays, ServedSignature, find_signature
from serving.server.models.version import LoadedVersion

ReadInputs = Callable[[ServedSignature], Arrays]
"""Turns what a caller sent into tensors, once it is known which signature they are for."""


@dataclass(frozen=True)
class Limits:
    """How much one call may ask for."""

    max_tensor_bytes: int
    max_items: int
    check_method_names: bool = False
    """Whether classify and regress take only signatures that were exported for it."""
    pieces: Pieces | None = None
    """How large calls are cut; none computes them whole."""


@dataclass(frozen=True)
class Query:
    """One call, as a protocol hands it in. An empty signature name is the default one; an empty
    filter keeps every output."""

    target: Target
    signature_name: str
    read_inputs: ReadInputs
    output_filter: Sequence[str] = ()
    deadline: Deadline = NO_DEADLINE


@dataclass(frozen=True)
class Answer:
    """The outputs of one call, and who gave them."""

    model: str
    version: int
    signature: ServedSignature
    outputs: dict[str, np.ndarray[Any, Any]]


def predict(models: Models, query: Query, limits: Limits) -> Answer:
    """Answer one call from the version it asks for, which stays loaded until the answer is
    complete.

    Raises:
        ServingError: the model, version, label, signature, an input or an output is not as it
            should be.
    """
    with models.lease(query.target) as version:
        return predict_with(version, query, limits)


def predict_with(version: LoadedVersion, query: Query, limits: Limits) -> Answer:
    """As `predict`, with a version in hand.

    Raises:
        ServingError: the signature, an input or an output is not as it should be.
    """
    signature, inputs, wanted = _prepare(version, query, limits)
    outputs = compute(
        version, signature, inputs, wanted, deadline=query.deadline, pieces=limits.pieces
    )
    return Answer(version.model, version.number, signature, outputs)


def _prepare(
    version: LoadedVersion, query: Query, limits: Limits
) -> tuple[ServedSignature, Arrays, list[str]]:
    """The signature, its validated inputs, and the outputs wanted."""
    signature = find_signature(version.signatures, query.signature_name)
    inputs = query.read_inputs(signature)
    wanted = signature.choose_outputs(query.output_filter)
    check_inputs(signature, inputs, limits.max_items)
    return signature, inputs, wanted


async def predict_joined(models: Models, query: Query, limits: Limits) -> Answer | None:
    """As `predict`, in an event loop; None for a call that is not joined with others, which a
    thread must compute.

    Raises:
        ServingError: as `predict`.
    """
    with models.lease(query.target) as version:
        signature, inputs, wanted = _prepare(version, query, limits)
        check_deadline(query.deadline)
        if limits.pieces is None or not limits.pieces.cut(signature, inputs, wanted).is_small:
            return None
        outputs = await version.run_joined(signature, inputs, wanted, query.deadline)
        if outputs is None:
            return None
        return Answer(version.model, version.number, signature, outputs)
