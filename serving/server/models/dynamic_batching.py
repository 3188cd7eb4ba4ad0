"""Join calls that arrive while the model computes, without a timer: a lone call never waits.

A call that finds a free turn is computed at once. One that finds none waits, and when a turn is
free again, the call that waited longest is computed together with others of the same shape, up to
the turn's share of all that waits. So the batches grow with the load, the cores have as much to do
each, and nothing is delayed to make them grow.

`compute` blocks its thread, which computes a batch when its turn comes, with the calls of `begin`
that wait too. `begin` blocks nobody: a thread of the pool computes, and whoever began the call is
told. A call that has its turn is alone in it, though others come before its thread runs: two that
come together are computed on two cores.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from serving.server.models.deadline import Deadline
from serving.server.models.functions import Array, Compute
from serving.server.models.joinable_call import Call, is_wanted, seconds_left, too_late
from serving.server.models.signature import ServedSignature


@dataclass(frozen=True)
class DynamicBatching:
    """How calls are joined."""

    max_batch_size: int
    """Items computed together; a larger call is computed apart."""
    apart: threading.Semaphore
    """Limits the computations of calls that are not joined, all signatures together."""
    turns: int
    """Computations of one signature at the same time."""
    threads: ThreadPoolExecutor
    """Compute the calls that block nobody."""


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
        self._waiting: deque[Call] = deque()
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
        if not self.is_joinable(arrays):
            return self._compute_apart(arrays, deadline)
        ready = threading.Lock()
        ready.acquire()

        def wake(_: Call) -> None:
            ready.release()

        call = Call(arrays, self.count_items(arrays), deadline, wake, wake)
        if batch := [call] if self._take_turn(call) else self._wait(call, ready):
            self._lead(batch)
        return call.result()

    def begin(
        self, arrays: Sequence[Array], deadline: Deadline, done: Callable[[Call], None]
    ) -> Call:
        """Compute a call, perhaps together with others, and return at once.

        Args:
            arrays: inputs that fit the signature, and are joinable.
            deadline: how long the caller waits.
            done: called in another thread when the call has its result.
        """
        call = Call(arrays, self.count_items(arrays), deadline, self._lead_elsewhere, done)
        if self._take_turn(call):
            call.batch = [call]
            self._lead_elsewhere(call)
        return call

    def _lead_elsewhere(self, call: Call) -> None:
        self._batching.threads.submit(self._use_turn, call)

    def _use_turn(self, first: Call) -> None:
        """Compute the batch of a call, and what waits then, batch after batch."""
        call: Call | None = first
        while call is not None and call.lead == self._lead_elsewhere:
            assert call.batch is not None, "set before its turn"
            batch, call.batch = call.batch, None  # which has the call in it
            try:
                self._answer(batch)
            finally:
                call = self._take_next()
                for computed in batch:
                    computed.done(computed)
        if call is not None:
            call.lead(call)

    def withdraw(self, call: Call) -> None:
        """Forget a call that nobody waits for any more, unless it is being computed."""
        with self._lock:
            if call in self._waiting:
                self._waiting.remove(call)

    def is_joinable(self, arrays: Sequence[Array]) -> bool:
        """Whether a call may be computed with others."""
        return 0 < self.count_items(arrays) <= self._batching.max_batch_size

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
        if not places.acquire(timeout=seconds_left(deadline)):
            raise too_late()
        try:
            return self._compute(arrays)
        finally:
            places.release()

    def _take_turn(self, call: Call) -> bool:
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            self._waiting.append(call)
            return False

    def _wait(self, call: Call, ready: threading.Lock) -> list[Call] | None:
        """The batch that this call's thread must compute; none where another has computed it."""
        if not ready.acquire(timeout=seconds_left(call.deadline)):
            with self._lock:
                if call in self._waiting:
                    self._waiting.remove(call)
                # Another's thread may be computing it: nobody waits for that.
                if call.batch is None:
                    raise too_late()
        return call.batch

    def _lead(self, batch: list[Call]) -> None:
        try:
            self._answer(batch)
        finally:
            if following := self._take_next():
                following.lead(following)
            for call in batch[1:]:
                call.done(call)

    def _take_next(self) -> Call | None:
        """Give the turn to calls that wait; returns the first of them. Where none waits the turn is
        free."""
        with self._lock:
            batch, late = self._next_batch()
            if batch:
                batch[0].batch = batch
            else:
                self._free += 1
        for call in late:
            call.error = too_late()
            call.done(call)
        return batch[0] if batch else None

    def _next_batch(self) -> tuple[list[Call], list[Call]]:
        """Take from the queue the call that waited longest and those that fit with it, and those
        whose time has run out.

        Under the lock, so nothing is called here that could raise, or wait for another lock.
        """
        batch: list[Call] = []
        late: list[Call] = []
        left: deque[Call] = deque()
        share = math.ceil(sum(call.items for call in self._waiting) / self._batching.turns)
        room, now = min(self._batching.max_batch_size, share), time.monotonic()
        for call in self._waiting:
            if call.deadline.at <= now:
                late.append(call)
            elif not batch or (call.items <= room and self._divides and call.fits(batch[0])):
                batch.append(call)
                room -= call.items
            else:
                left.append(call)
        self._waiting = left
        return batch, late

    def _answer(self, batch: list[Call]) -> None:
        """Compute those of a batch whose callers are still there; where that fails, each call by
        itself, so that no call fails for another's sake. Raises nothing."""
        wanted = [call for call in batch if is_wanted(call)]
        if len(wanted) > 1 and self._answer_together(wanted):
            return
        for call in wanted:
            try:
                call.answer = self._compute(call.arrays)
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                call.error = error

    def _answer_together(self, batch: list[Call]) -> bool:
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
