"""One loaded version: a SavedModel in memory, ready to compute."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server.errors import KernelError
from serving.server.models.functions import Compute
from serving.server.models.signature import Arrays, Signature


@dataclass(frozen=True)
class LoadedVersion:
    """What one version folder became. `functions` compute, by signature."""

    model: str
    number: int
    definitions: Mapping[str, meta_graph_pb2.SignatureDef]
    signatures: Mapping[str, Signature]
    functions: Mapping[str, Compute]
    saved_model: object
    """Keeps the variables alive; the functions only point at them."""

    def run(
        self, signature: Signature, inputs: Arrays, outputs: Iterable[str]
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Compute one signature.

        Args:
            signature: one of `signatures`.
            inputs: tensors that passed the guard.
            outputs: names of the outputs to return.

        Returns:
            The outputs by name, in the order asked for.

        Raises:
            KernelError: TensorFlow could not.
        """
        arrays = [inputs[name] for name in signature.inputs]
        try:
            computed = self.functions[signature.name](arrays)
        except tf.errors.OpError as error:
            raise KernelError(error.error_code, error.message) from error
        answer = dict(zip(signature.outputs, computed, strict=True))
        return {name: answer[name] for name in outputs}
