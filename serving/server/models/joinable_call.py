"""One call that may be computed together with others."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serving.server.errors import DeadlineError
from serving.server.models.deadline import Deadline
from serving.server.models.functions import Array


@dataclass(eq=False)
class Call:
    """One call that waits, or is computed."""

    arrays: Sequence[Array]
    items: int
    deadline: Deadline
    lead: Callable[["Call"], None]
    """Called when it is this call's turn: its `batch` is to be computed."""
    done: Callable[["Call"], None]
    """Called when it was computed in the batch of another, or its time has run out."""
    batch: list["Call"] | None = None
    """Set for the first call of a batch."""
    answer: list[Array] | None = None
    error: Exception | None = None

    def result(self) -> list[Array]:
        """The outputs.

        Raises:
            DeadlineError: the caller's time ran out before its turn.
            tf.errors.OpError: TensorFlow could not compute this call.
        """
        if self.error is not None:
            raise self.error
        assert self.answer is not None, "a call is not woken without one"
        return self.answer

    def fits(self, first: "Call") -> bool:
        """Whether both can be in one batch."""
        return all(
            ours.shape[1:] == theirs.shape[1:]
            for ours, theirs in zip(self.arrays, first.arrays, strict=True)
        )


def is_wanted(call: Call) -> bool:
    """Whether the caller still waits; if not, the call's error says so."""
    try:
        if call.deadline.is_active():
            return True
        call.error = too_late()
    except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
        call.error = error
    return False


def seconds_left(deadline: Deadline) -> float:
    """Longest time that a lock may be waited for."""
    return min(max(deadline.at - time.monotonic(), 0), threading.TIMEOUT_MAX)


def too_late() -> DeadlineError:
    """What a call is told whose time is up."""
    return DeadlineError("The call's time ran out while it waited for its turn")
