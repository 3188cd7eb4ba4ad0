"""Join calls that arrive while the model computes, without a timer: a lone call never waits.

A call that finds a free turn is computed at once, by its own thread. One that finds none waits, and
when a turn is free again, the thread of the call that waited longest computes it together with
every other waiting call of the same shape. So the batches grow with the load, and nothing is
delayed to make them grow.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from serving.server.errors import DeadlineError
from serving.server.models.deadline import Deadline
from serving.server.models.functions import Array, Compute
from serving.server.models.signature import ServedSignature


@dataclass(frozen=True)
class DynamicBatching:
    """How calls are joined."""

    max_batch_size: int
    """Items computed together; a larger call is computed apart."""
    apart: threading.Semaphore
    """Bounds what is computed apart, all signatures together."""
    turns: int
    """Computations of one signature at the same time."""


@dataclass(eq=False)
class _Call:
    """One call that waits, or is computed."""

    arrays: Sequence[Array]
    items: int
    deadline: Deadline
    ready: threading.Lock = field(default_factory=threading.Lock)
    """Held until there is an answer, or a batch to compute."""
    batch: list["_Call"] | None = None
    """Set for the call whose thread computes the others too."""
    answer: list[Array] | None = None
    error: Exception | None = None

    def fits(self, first: "_Call") -> bool:
        """Whether both can be in one batch."""
        return all(
            ours.shape[1:] == theirs.shape[1:]
            for ours, theirs in zip(self.arrays, first.arrays, strict=True)
        )


class Batcher:
    """The calls of one signature of one version."""

    def __init__(
        self, compute: Compute, batching: DynamicBatching, *, batches: bool = True
    ) -> None:
        """Args: batches: whether its calls may be computed as one batch at all."""
        self._compute = compute
        self._batching = batching
        self._lock = threading.Lock()
        self._free = batching.turns
        self._waiting: deque[_Call] = deque()
        self._divides = batches
        """Whether the outputs have one row for each item, as far as was seen."""

    def compute(self, arrays: Sequence[Array], deadline: Deadline) -> list[Array]:
        """Compute a call, perhaps together with others.

        Args:
            arrays: inputs that fit the signature.
            deadline: how long the caller waits.

        Raises:
            DeadlineError: the caller's time ran out before its turn.
            tf.errors.OpError: TensorFlow could not compute this call.
        """
        items = self.count_items(arrays)
        if not 0 < items <= self._batching.max_batch_size:
            return self._compute_apart(arrays, deadline)
        call = _Call(arrays, items, deadline)
        if batch := [call] if self._take_turn(call) else self._wait(call):
            self._lead(batch)
        if call.error is not None:
            raise call.error
        assert call.answer is not None, "a call is not woken without one"
        return call.answer

    @property
    def free_turns(self) -> int:
        """Computations that could begin now."""
        return self._free

    def count_items(self, arrays: Sequence[Array]) -> int:
        """Items in a call; 0 where the inputs do not agree, or the outputs are not by item."""
        counts = {len(array) for array in arrays} if self._divides else set()
        return counts.pop() if len(counts) == 1 else 0

    def _compute_apart(self, arrays: Sequence[Array], deadline: Deadline) -> list[Array]:
        places = self._batching.apart
        if not places.acquire(timeout=_seconds_left(deadline)):
            raise _too_late()
        try:
            return self._compute(arrays)
        finally:
            places.release()

    def _take_turn(self, call: _Call) -> bool:
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            call.ready.acquire()
            self._waiting.append(call)
            return False

    def _wait(self, call: _Call) -> list[_Call] | None:
        """The batch that this call's thread must compute; none where another has computed it."""
        if not call.ready.acquire(timeout=_seconds_left(call.deadline)):
            with self._lock:
                if call in self._waiting:
                    self._waiting.remove(call)
                # Another's thread may be computing it: nobody waits for that.
                if call.batch is None:
                    raise _too_late()
        return call.batch

    def _lead(self, batch: list[_Call]) -> None:
        try:
            self._answer(batch)
        finally:
            self._pass_on()
            for call in batch[1:]:
                call.ready.release()

    def _pass_on(self) -> None:
        """Give the turn to the calls that wait, or back."""
        with self._lock:
            batch = self._next_batch()
            if batch:
                batch[0].batch = batch
                batch[0].ready.release()
            else:
                self._free += 1

    def _next_batch(self) -> list[_Call]:
        """Take from the queue the call that waited longest and those that fit with it.

        Under the lock, so nothing is called here that could raise, or wait for another lock.
        """
        batch: list[_Call] = []
        left: deque[_Call] = deque()
        room, now = self._batching.max_batch_size, time.monotonic()
        for call in self._waiting:
            if call.deadline.at <= now:
                call.error = _too_late()
                call.ready.release()
            elif not batch or (call.items <= room and self._divides and call.fits(batch[0])):
                batch.append(call)
                room -= call.items
            else:
                left.append(call)
        self._waiting = left
        return batch

    def _answer(self, batch: list[_Call]) -> None:
        """Compute those of a batch whose callers are still there; where that fails, each call by
        itself, so that no call fails for another's sake."""
        wanted = [call for call in batch if _is_wanted(call)]
        if len(wanted) > 1 and self._answer_together(wanted):
            return
        for call in wanted:
            try:
                call.answer = self._compute(call.arrays)
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                call.error = error

    def _answer_together(self, batch: list[_Call]) -> bool:
        columns = zip(*(call.arrays for call in batch), strict=True)
        try:
            outputs = self._compute([np.concatenate(arrays) for arrays in columns])
        except Exception:  # noqa: BLE001 - the calls are computed singly, and tell
            return False
        total = sum(call.items for call in batch)
        self._divides = all(array.ndim and len(array) == total for array in outputs)
        if self._divides:
            start = 0
            for call in batch:
                call.answer = [array[start : start + call.items] for array in outputs]
                start += call.items
        return self._divides


def is_batchable(signature: ServedSignature) -> bool:
    """Whether every input and output has an axis that counts the items."""
    specs = [*signature.inputs.values(), *signature.outputs.values()]
    return bool(signature.inputs) and all(spec.shape and spec.shape[0] is None for spec in specs)


def _is_wanted(call: _Call) -> bool:
    """Whether the caller still waits; if not, the call's error says so."""
    try:
        if call.deadline.is_active():
            return True
        call.error = _too_late()
    except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
        call.error = error
    return False


def _seconds_left(deadline: Deadline) -> float:
    return min(max(deadline.at - time.monotonic(), 0), threading.TIMEOUT_MAX)


def _too_late() -> DeadlineError:
    return DeadlineError("The call's time ran out while it waited for its turn")
