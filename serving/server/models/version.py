"""One loaded version: a SavedModel in memory, ready to compute."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server.errors import KernelError
from serving.server.models.deadline import NO_DEADLINE, Deadline
from serving.server.models.functions import Array, Compute
from serving.server.models.joining import join
from serving.server.models.signature import Arrays, ServedSignature
from serving.server.models.splitting import Splitter


@dataclass(frozen=True)
class LoadedVersion:
    """What one version folder became. `functions` compute, by signature; where there is a batcher
    for one, it joins the calls."""

    model: str
    number: int
    definitions: Mapping[str, meta_graph_pb2.SignatureDef]
    signatures: Mapping[str, ServedSignature]
    functions: Mapping[str, Compute]
    saved_model: object
    """Keeps the variables alive; the functions only point at them."""
    batchers: Mapping[str, Splitter] = field(default_factory=dict)

    def run(
        self,
        signature: ServedSignature,
        inputs: Arrays,
        outputs: Iterable[str],
        deadline: Deadline = NO_DEADLINE,
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Compute one signature.

        Args:
            signature: one of `signatures`.
            inputs: tensors that passed the validation.
            outputs: names of the outputs to return.
            deadline: how long the caller waits for its turn, where calls are joined.

        Returns:
            The outputs by name, in the order asked for.

        Raises:
            KernelError: TensorFlow could not.
            DeadlineError: the caller's time ran out before its turn.
        """
        arrays = [inputs[name] for name in signature.inputs]
        with _telling_kernel_errors():
            if batcher := self.batchers.get(signature.name):
                computed = batcher.compute(arrays, deadline)
            else:
                computed = self.functions[signature.name](arrays)
        return _choose(signature, computed, outputs)

    async def run_joined(
        self,
        signature: ServedSignature,
        inputs: Arrays,
        outputs: Iterable[str],
        deadline: Deadline = NO_DEADLINE,
    ) -> dict[str, np.ndarray[Any, Any]] | None:
        """As `run`, in an event loop; None for a call that is not joined with others, which a
        thread must run."""
        arrays = [inputs[name] for name in signature.inputs]
        splitter = self.batchers.get(signature.name)
        if splitter is None or not splitter.may_join(arrays):
            return None
        with _telling_kernel_errors():
            computed = await join(splitter.batcher, arrays, deadline)
        return _choose(signature, computed, outputs)


@contextmanager
def _telling_kernel_errors() -> Iterator[None]:
    try:
        yield
    except tf.errors.OpError as error:
        raise KernelError(error.error_code, error.message) from error


def _choose(
    signature: ServedSignature, computed: Iterable[Array], outputs: Iterable[str]
) -> dict[str, Array]:
    answer = dict(zip(signature.outputs, computed, strict=True))
    return {name: answer[name] for name in outputs}
