"""Several GPUs in one machine, or several machines: the strategy that the one training loop runs
under.

Every replica takes its share of each batch; gradients and batch statistics are summed over all of
them. With one replica the same lines do nothing of the kind. docs/distributed-training.md says what
to set.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import keras
import tensorflow as tf

from trainer.errors import DeviceError

_SUM: Final = tf.distribute.ReduceOp.SUM


def choose_strategy(strategy: str, gpus: int) -> tf.distribute.Strategy:
    """Make the strategy; comes before any other use of TensorFlow, which its connections demand.

    Args:
        strategy: "none", "mirrored" for the GPUs of this machine, "multiworker" for the machines
            that TF_CONFIG names, or "auto": the last where TF_CONFIG names several, else none, also
            where there are several GPUs: networks this small train no faster on more.
        gpus: how many there are.

    Raises:
        DeviceError: TF_CONFIG cannot be used, or names no other machine where multiworker was asked
            for.
    """
    workers = _count_workers() if strategy in {"auto", "multiworker"} else 1
    if strategy == "multiworker" and workers == 1:
        raise DeviceError(
            "expected several workers in TF_CONFIG; received none or one; see "
            "docs/distributed-training.md, or use --strategy none"
        )
    if workers > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if strategy == "mirrored":
        return tf.distribute.MirroredStrategy()
    if gpus > 1:  # TensorFlow would take memory on each of them
        tf.config.set_visible_devices(tf.config.get_visible_devices("GPU")[:1], "GPU")
    return tf.distribute.get_strategy()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Tell whether this process is the one that writes: the chief, or else the first worker."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    return resolver.task_type == "chief" or (
        resolver.task_id == 0 and "chief" not in resolver.cluster_spec().jobs
    )


def share_statistics(model: keras.Model, strategy: tf.distribute.Strategy) -> None:
    """Let batch normalisation see the whole batch where replicas share it, so that their number
    changes nothing."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = strategy.num_replicas_in_sync > 1


def total(strategy: tf.distribute.Strategy, number: int) -> int:
    """The sum of the numbers that the workers bring; all of them wait for each other here."""
    if strategy.cluster_resolver is None:
        return number
    return int(_summing(strategy)(tf.constant(number, tf.int64))) // len(
        strategy.extended.worker_devices
    )


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Wait until every worker has come here."""
    total(strategy, 0)


@contextmanager
def report_lost_workers(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Name the lost worker as the cause where a call to the others fails.

    Raises:
        DeviceError: a call to the others failed.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if strategy.cluster_resolver is None:
            raise
        raise DeviceError(
            f"expected every worker of TF_CONFIG; one went away ({type(error).__name__}); start "
            "all of them again, they go on from there"
        ) from error


@functools.cache
def _summing(strategy: tf.distribute.Strategy) -> Callable[[tf.Tensor], tf.Tensor]:
    """Make the function that sums a number over all replicas, compiled once."""

    @tf.function(autograph=False)
    def summed(number: tf.Tensor) -> tf.Tensor:
        return strategy.reduce(_SUM, strategy.run(tf.identity, (number,)), axis=None)

    compiled: Callable[[tf.Tensor], tf.Tensor] = summed
    return compiled


def _count_workers() -> int:
    try:
        jobs = tf.distribute.cluster_resolver.TFConfigClusterResolver().cluster_spec().as_dict()
    except (ValueError, TypeError, AttributeError) as error:
        raise DeviceError(
            f"expected JSON in TF_CONFIG; received: {error}; see docs/distributed-training.md"
        ) from error
    return sum(len(jobs.get(kind, [])) for kind in ("chief", "worker")) or 1
