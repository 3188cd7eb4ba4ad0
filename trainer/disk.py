"""What a disk refuses, in words: TensorFlow writes files of its own, and has errors of its own for
them."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from trainer.errors import OutputError


@contextmanager
def written(folder: str, then: str) -> Iterator[None]:
    """Name the folder that is being written to, where the disk refuses.

    Args:
        folder: which, as the user calls it: "a run folder".
        then: what to do about it.

    Raises:
        OutputError: TensorFlow or Python could not write.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise OutputError(
            f"expected {folder} that can be written; received: {_reason(error)}; {then}"
        ) from error


def _reason(error: OSError | tf.errors.OpError) -> str:
    """The system's own words: TensorFlow puts the operation and the path before them, and the
    operation after."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    reason: str = error.message.rpartition("}} ")[2].rpartition("; ")[2].partition(" [Op:")[0]
    return reason
