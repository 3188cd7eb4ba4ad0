"""Calls that arrive while the model computes are computed together, and nobody spoils another's."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.server.errors import DeadlineError
from serving.server.models.deadline import Deadline
from serving.server.models.dynamic_batching import Batcher, DynamicBatching
from tests.support.server_fixtures import SECONDS, Array, StartServer, ask, fault_of

LIMIT = 8


class Model:
    """Adds one to every item; computes when let, and notes what it was given together."""

    def __init__(self) -> None:
        self.batches: list[list[float]] = []
        self.entered = threading.Semaphore(0)
        self.let = threading.Semaphore(0)
        self.whole = False

    def compute(self, arrays: Sequence[Array]) -> list[Array]:
        items = arrays[0]
        self.batches.append(items.ravel().tolist())
        self.entered.release()
        assert self.let.acquire(timeout=SECONDS)
        if (items < 0).any():
            raise tf.errors.InvalidArgumentError(None, None, "below zero")
        return [items.sum() if self.whole else items + 1]


class Stage:
    """A batcher around the model, and threads that call it."""

    def __init__(self, threads: ThreadPoolExecutor, turns: int = 1) -> None:
        self.model = Model()
        self.apart = threading.Semaphore(1)
        self.batcher = Batcher(
            self.model.compute, DynamicBatching(LIMIT, self.apart, turns, threads)
        )
        self._threads = threads

    def call(self, *items: float, deadline: Deadline | None = None) -> "Future[list[Array]]":
        """Call in a thread of its own; returns once the call waits, or is computed."""
        return self.send(np.array(items), deadline)

    def send(self, array: Array, deadline: Deadline | None = None) -> "Future[list[Array]]":
        future = self._threads.submit(self.batcher.compute, [array], deadline or Deadline())
        time.sleep(0.05)
        return future

    def finish(self, computations: int) -> None:
        for _ in range(computations):
            self.model.let.release()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as pool:
        yield pool


def values(future: "Future[list[Array]]") -> list[float]:
    (array,) = future.result(SECONDS)
    return list(array.ravel().tolist())


def test_lone_call_is_computed_at_once_by_its_own_thread(threads: ThreadPoolExecutor) -> None:
    stage = Stage(threads)
    stage.finish(1)
    (array,) = stage.batcher.compute([np.array([1.0])], Deadline())
    assert array.tolist() == [2.0]
    assert stage.model.batches == [[1.0]]


def test_calls_that_wait_are_computed_together_and_each_gets_its_own(
    threads: ThreadPoolExecutor,
) -> None:
    stage = Stage(threads)
    calls = [stage.call(float(i), i + 0.5) for i in range(4)]
    stage.finish(2)
    assert [values(call) for call in calls] == [[i + 1.0, i + 1.5] for i in range(4)]
    assert stage.model.batches == [[0.0, 0.5], [1.0, 1.5, 2.0, 2.5, 3.0, 3.5]]


def test_turns_share_what_waits(threads: ThreadPoolExecutor) -> None:
    stage = Stage(threads, turns=2)
    calls = [stage.call(float(i)) for i in range(8)]
    stage.finish(2)
    for _ in range(4):
        assert stage.model.entered.acquire(timeout=SECONDS)
    sizes = sorted(len(batch) for batch in stage.model.batches)
    assert sizes == [1, 1, 2, 3], "one takes half of 6 that wait, the other half of 3"
    stage.finish(3)
    assert [values(call) for call in calls] == [[i + 1.0] for i in range(8)]


def test_batch_grows_no_larger_than_the_limit_and_keeps_the_order(
    threads: ThreadPoolExecutor,
) -> None:
    stage = Stage(threads)
    calls = [stage.call(float(i)) for i in range(LIMIT + 3)]
    stage.finish(3)
    assert [values(call) for call in calls] == [[i + 1.0] for i in range(LIMIT + 3)]
    assert [len(batch) for batch in stage.model.batches] == [1, LIMIT, 2]


def test_calls_of_another_shape_wait_for_a_batch_of_their_own(threads: ThreadPoolExecutor) -> None:
    stage = Stage(threads)
    calls = [stage.send(np.full((1, width), float(width))) for width in (1, 2, 3, 2, 3)]
    stage.finish(3)
    assert [values(call) for call in calls] == [[w + 1.0] * w for w in (1, 2, 3, 2, 3)]
    assert [len(batch) for batch in stage.model.batches] == [1, 4, 6]


def test_failing_call_fails_alone(threads: ThreadPoolExecutor) -> None:
    stage = Stage(threads)
    calls = [stage.call(item) for item in (0.0, 1.0, -1.0, 2.0)]
    stage.finish(5)
    assert [values(calls[place]) for place in (0, 1, 3)] == [[1.0], [2.0], [3.0]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="below zero"):
        calls[2].result(SECONDS)
    assert stage.model.batches == [[0.0], [1.0, -1.0, 2.0], [1.0], [-1.0], [2.0]]


def test_call_whose_time_is_over_leaves_the_queue(threads: ThreadPoolExecutor) -> None:
    stage = Stage(threads)
    first = stage.call(0.0)
    late = stage.call(1.0, deadline=Deadline(time.monotonic() + 0.1))
    with pytest.raises(DeadlineError):
        late.result(SECONDS)
    stage.finish(1)
    assert values(first) == [1.0]
    assert stage.model.batches == [[0.0]]


def test_call_that_nobody_listens_to_any_more_is_not_computed(threads: ThreadPoolExecutor) -> None:
    stage = Stage(threads)
    first, gone = stage.call(0.0), stage.call(1.0, deadline=Deadline(is_active=lambda: False))
    last = stage.call(2.0)
    stage.finish(2)
    assert (values(first), values(last)) == ([1.0], [3.0])
    with pytest.raises(DeadlineError):
        gone.result(SECONDS)
    assert stage.model.batches == [[0.0], [2.0]]


def test_outputs_without_a_row_an_item_are_computed_singly_from_then_on(
    threads: ThreadPoolExecutor,
) -> None:
    stage = Stage(threads)
    stage.model.whole = True
    calls = [stage.call(float(i)) for i in range(3)]
    stage.finish(4)
    assert [values(call) for call in calls] == [[0.0], [1.0], [2.0]]
    more = [stage.call(5.0), stage.call(6.0)]
    stage.finish(2)
    assert [values(call) for call in more] == [[5.0], [6.0]]
    assert stage.model.batches == [[0.0], [1.0, 2.0], [1.0], [2.0], [5.0], [6.0]]


@pytest.mark.parametrize("items", [0, LIMIT + 1], ids=["none", "more_than_a_batch"])
def test_call_that_cannot_be_joined_is_computed_beside_the_batches(
    items: int, threads: ThreadPoolExecutor
) -> None:
    stage = Stage(threads)
    joined, apart = stage.call(0.0), stage.call(*range(items))
    assert len(stage.model.batches) == 2, "it does not wait for the other's turn"
    late = stage.send(np.zeros(items), Deadline(time.monotonic() + 0.1))
    with pytest.raises(DeadlineError):
        late.result(SECONDS)
    stage.finish(2)
    assert (values(joined), len(values(apart))) == ([1.0], items)


def test_many_threads_get_their_own_answers(threads: ThreadPoolExecutor) -> None:
    stage = Stage(threads, turns=2)
    stage.finish(10_000)
    items = [float(item) for item in range(2000)]
    answers = threads.map(
        lambda item: stage.batcher.compute([np.array([item])], Deadline())[0].tolist(), items
    )
    assert list(answers) == [[item + 1] for item in items]
    assert sum(len(batch) for batch in stage.model.batches) == len(items)


def test_server_joins_calls_and_a_bad_one_fails_alone(
    toy_base: Path, start_server: StartServer
) -> None:
    protocols = start_server(model_base_path=toy_base)
    good = ask({"x": np.full(1, 4.0, np.float32)}, signature="positive")
    bad = ask({"x": np.full(1, -4.0, np.float32)}, signature="positive")
    other = ask({"x": np.full((1, 2), 4.0, np.float32)}, signature="positive")
    with ThreadPoolExecutor(24) as threads:
        for _ in range(10):
            asked = [threads.submit(protocols.predict, good) for _ in range(16)]
            failed = [
                threads.submit(fault_of, partial(protocols.predict, request))
                for request in (bad, other) * 4
            ]
            assert {a.result(SECONDS).outputs["y"].float_val[0] for a in asked} == {2.0}
            texts = {f.result(SECONDS) for f in failed}
            assert {code for code, _ in texts} == {grpc.StatusCode.INVALID_ARGUMENT}
            assert len(texts) == 2


def test_caller_of_whom_nothing_can_be_known_is_not_computed_and_stops_nobody(
    threads: ThreadPoolExecutor,
) -> None:
    def raise_fault() -> bool:
        raise RuntimeError("the protocol broke")

    stage = Stage(threads)
    first, broken = stage.call(0.0), stage.call(1.0, deadline=Deadline(is_active=raise_fault))
    last = stage.call(2.0)
    stage.finish(3)
    assert (values(first), values(last)) == ([1.0], [3.0])
    with pytest.raises(RuntimeError, match="the protocol broke"):
        broken.result(SECONDS)
    assert values(stage.call(4.0)) == [5.0], "the turn is not lost"


def test_presence_of_a_caller_is_asked_without_holding_others_up(
    threads: ThreadPoolExecutor,
) -> None:
    stage = Stage(threads, turns=2)
    answered = threading.Event()

    def answer_late() -> bool:
        return answered.wait(SECONDS)

    first, second = stage.call(0.0), stage.call(1.0)
    asked = stage.call(2.0, deadline=Deadline(is_active=answer_late))
    stage.finish(4)
    assert (values(first), values(second), values(stage.call(3.0))) == ([1.0], [2.0], [4.0])
    answered.set()
    assert values(asked) == [3.0]


def test_calls_that_cannot_be_put_together_are_computed_singly(
    threads: ThreadPoolExecutor,
) -> None:
    class Fragile(np.ndarray[Any, Any]):
        def __array_function__(self, *_: object, **__: object) -> None:
            raise MemoryError

    stage = Stage(threads)
    first = stage.call(0.0)
    fragile = [stage.send(np.array([item]).view(Fragile)) for item in (1.0, 2.0)]
    stage.finish(3)
    assert [values(call) for call in (first, *fragile)] == [[1.0], [2.0], [3.0]]


def test_call_does_not_outlast_its_time_in_a_batch_that_another_computes(
    threads: ThreadPoolExecutor,
) -> None:
    stage = Stage(threads)
    first, leader = stage.call(0.0), stage.call(1.0)
    late = stage.call(2.0, deadline=Deadline(time.monotonic() + 1))
    stage.finish(1)
    assert values(first) == [1.0]
    with pytest.raises(DeadlineError):
        late.result(SECONDS)
    assert not leader.done()
    stage.finish(1)
    assert values(leader) == [2.0]
    stage.finish(1)
    assert values(stage.call(3.0)) == [4.0]
