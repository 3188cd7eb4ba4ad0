"""Dynamic batching by TensorFlow's own scheduler, the one TensorFlow Serving uses, driven by the
same file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf

from digits.errors import SettingsError
from serving.server.config_files import read_config
from serving.server.errors import InvalidArgumentError
from serving.server.models.functions import Compute, compute_flat, compute_signature
from serving.server.models.signature import ServedSignature

PER_MODEL_FILE: Final = "batching_params.pbtxt"
_FLAG: Final = "batching_parameters_file"


@dataclass(frozen=True)
class Batching:
    """How calls are joined. Defaults: TensorFlow Serving's, session_bundle_config.proto and
    batching_session.h."""

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = 2
    allowed_batch_sizes: tuple[int, ...] = ()
    split: bool = False
    """Whether a call larger than a batch is computed in several."""


def read_batching(path: Path, threads: int) -> Batching:
    """Read a file of BatchingParameters.

    Args:
        path: the file.
        threads: batches computed at once, where the file does not say.

    Raises:
        SettingsError: it cannot be read, or its numbers do not fit together.
    """
    message = read_config(path, "BatchingParameters", _FLAG)
    given = {
        name: getattr(message, name).value
        for name in (
            "max_batch_size",
            "batch_timeout_micros",
            "max_enqueued_batches",
            "num_batch_threads",
        )
        if message.HasField(name)
    }
    sizes, split = tuple(message.allowed_batch_sizes), message.enable_large_batch_splitting.value
    batching = Batching(
        **{"num_batch_threads": threads, **given}, allowed_batch_sizes=sizes, split=split
    )
    if (
        message.HasField("max_execution_batch_size")
        and message.max_execution_batch_size.value != batching.max_batch_size
    ):
        raise SettingsError(
            f"{_FLAG}: expected max_execution_batch_size as large as max_batch_size, or none; "
            "received another; fix the file"
        )
    _check(batching)
    return batching


def _check(batching: Batching) -> None:
    positive = (batching.max_batch_size, batching.max_enqueued_batches, batching.num_batch_threads)
    if min(positive) < 1 or batching.batch_timeout_micros < 0:
        raise SettingsError(
            f"{_FLAG}: expected sizes and counts of one and more; received {min(positive)}; fix "
            "the file"
        )
    sizes = batching.allowed_batch_sizes
    if sizes and (
        list(sizes) != sorted(set(sizes)) or sizes[0] < 1 or sizes[-1] != batching.max_batch_size
    ):
        raise SettingsError(
            f"{_FLAG}: expected allowed_batch_sizes that grow and end with max_batch_size "
            f"({batching.max_batch_size}); received {', '.join(map(str, sizes))}; fix the file"
        )


def batch(function: Any, signature: ServedSignature, batching: Batching) -> Compute:
    """Compute a loaded function together for calls that come together; calls without items are
    computed alone."""
    names, outputs = list(signature.inputs), list(signature.outputs)

    @tf.nondifferentiable_batch_function(
        batching.num_batch_threads,
        batching.max_batch_size,
        batching.batch_timeout_micros,
        allowed_batch_sizes=list(batching.allowed_batch_sizes) or None,
        max_enqueued_batches=batching.max_enqueued_batches,
        autograph=False,
        enable_large_batch_splitting=batching.split,
    )
    def joined(*tensors: tf.Tensor) -> list[tf.Tensor]:
        answer = function(**dict(zip(names, tensors, strict=True)))
        return [answer[name] for name in outputs]

    kinds = [
        tf.TensorSpec(spec.shape, spec.dtype.numpy if not spec.dtype.is_string else tf.string)
        for spec in signature.inputs.values()
    ]
    traced = tf.function(joined, input_signature=kinds, autograph=False).get_concrete_function()
    together = compute_flat(traced, signature.inputs.values(), signature.outputs.values())
    alone = compute_signature(function, signature)
    return lambda arrays: together(arrays) if _count(arrays) else alone(arrays)


def _count(arrays: Sequence[np.ndarray[Any, Any]]) -> int:
    """Items in a call."""
    if any(array.ndim == 0 for array in arrays):
        raise InvalidArgumentError("Batching Run() input tensors must have at least one dimension")
    counts = {len(array) for array in arrays}
    if len(counts) > 1:
        raise InvalidArgumentError(
            "Batching Run() input tensors must have equal 0th-dimension size"
        )
    return counts.pop()
