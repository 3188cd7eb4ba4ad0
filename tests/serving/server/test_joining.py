"""Calls that an event loop awaits are joined with others, and no thread waits for them."""

import asyncio
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
import tensorflow as tf

from serving.server.errors import DeadlineError
from serving.server.models.deadline import NO_DEADLINE, Deadline
from serving.server.models.dynamic_batching import Batcher, DynamicBatching
from serving.server.models.joining import join
from serving.server.parts import make_dynamic_batching
from serving.server.settings import ServerSettings
from tests.support.server_fixtures import SECONDS, Array, Protocols, StartServer

LIMIT = 8


class Model:
    """Adds one to every item of its only input, one batch each time it is let."""

    def __init__(self) -> None:
        self.batches: list[list[float]] = []
        self.threads: set[str] = set()
        self.let = threading.Semaphore(0)

    def compute(self, arrays: Sequence[Array]) -> list[Array]:
        self.batches.append(arrays[0].ravel().tolist())
        self.threads.add(threading.current_thread().name)
        assert self.let.acquire(timeout=SECONDS)
        if (arrays[0] < 0).any():
            raise tf.errors.InvalidArgumentError(None, None, "below zero")
        return [arrays[0] + 1]


class Stage:
    """A batcher around the model, with one turn unless told otherwise."""

    def __init__(self, threads: ThreadPoolExecutor, turns: int = 1) -> None:
        self.model = Model()
        self.batcher = Batcher(
            self.model.compute, DynamicBatching(LIMIT, threading.Semaphore(1), turns, threads)
        )

    def begin(self, *items: float, deadline: Deadline = NO_DEADLINE) -> "asyncio.Task[list[Array]]":
        return asyncio.create_task(join(self.batcher, [np.array(items)], deadline))

    async def computing(self, batches: int) -> None:
        """Wait until so many batches have been begun."""
        until = time.monotonic() + SECONDS
        while len(self.model.batches) < batches:
            assert time.monotonic() < until
            await asyncio.sleep(0.005)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with ThreadPoolExecutor(4, "compute") as threads:
        yield Stage(threads)


def values(outputs: Sequence[Array]) -> list[float]:
    (array,) = outputs
    return list(array.tolist())


def test_awaited_calls_that_wait_are_computed_together_in_threads_of_the_pool(
    stage: Stage,
) -> None:
    async def play() -> list[list[float]]:
        first = stage.begin(0.0)
        await stage.computing(1)
        others = [stage.begin(float(item), item + 0.5) for item in range(1, 4)]
        await asyncio.sleep(0)
        stage.model.let.release(2)
        return [values(await call) for call in (first, *others)]

    assert asyncio.run(play()) == [[1.0], [2.0, 2.5], [3.0, 3.5], [4.0, 4.5]]
    assert stage.model.batches == [[0.0], [1.0, 1.5, 2.0, 2.5, 3.0, 3.5]]
    assert all(name.startswith("compute") for name in stage.model.threads)


def test_awaited_calls_that_come_together_have_a_turn_each_as_far_as_turns_go() -> None:
    with ThreadPoolExecutor(4, "compute") as threads:
        stage = Stage(threads, turns=2)

        async def play() -> list[list[float]]:
            calls = [stage.begin(float(item)) for item in range(5)]
            await stage.computing(2)
            stage.model.let.release(4)
            return [values(await call) for call in calls]

        assert asyncio.run(play()) == [[1.0], [2.0], [3.0], [4.0], [5.0]]
    assert sorted(stage.model.batches) == [[0.0], [1.0], [2.0, 3.0], [4.0]]


def test_awaited_call_and_one_that_blocks_a_thread_are_joined(stage: Stage) -> None:
    async def play() -> list[list[float]]:
        first = stage.begin(0.0)
        await stage.computing(1)
        blocking = [
            asyncio.create_task(
                asyncio.to_thread(stage.batcher.compute, [np.array([item])], NO_DEADLINE)
            )
            for item in (1.0, 2.0)
        ]
        await asyncio.sleep(0.1)  # both wait now, before the next
        last = stage.begin(3.0)
        await asyncio.sleep(0)
        stage.model.let.release(2)
        return [values(await call) for call in (first, *blocking, last)]

    assert asyncio.run(play()) == [[1.0], [2.0], [3.0], [4.0]]
    assert [sorted(batch) for batch in stage.model.batches] == [[0.0], [1.0, 2.0, 3.0]]


def test_awaited_call_that_fails_fails_alone(stage: Stage) -> None:
    async def play() -> list[object]:
        first = stage.begin(0.0)
        await stage.computing(1)
        others = [stage.begin(item) for item in (1.0, -1.0)]
        await asyncio.sleep(0)
        stage.model.let.release(4)
        return await asyncio.gather(first, *others, return_exceptions=True)

    first, good, bad = asyncio.run(play())
    assert isinstance(first, list)
    assert isinstance(good, list)
    assert (values(first), values(good)) == ([1.0], [2.0])
    assert isinstance(bad, tf.errors.InvalidArgumentError)


def test_awaited_call_that_is_cancelled_is_not_computed_and_holds_nobody_up(stage: Stage) -> None:
    async def play() -> list[list[float]]:
        first = stage.begin(0.0)
        await stage.computing(1)
        gone, last = stage.begin(1.0), stage.begin(2.0)
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
        stage.model.let.release(2)
        return [values(await first), values(await last)]

    assert asyncio.run(play()) == [[1.0], [3.0]]
    assert stage.model.batches == [[0.0], [2.0]]


def test_awaited_call_whose_time_is_over_when_its_turn_comes_is_told_so(stage: Stage) -> None:
    async def play() -> None:
        first = stage.begin(0.0)
        await stage.computing(1)
        late = stage.begin(1.0, deadline=Deadline(time.monotonic() + 0.05))
        await asyncio.sleep(0.1)
        stage.model.let.release()
        await first
        with pytest.raises(DeadlineError):
            await late

    asyncio.run(play())
    assert stage.model.batches == [[0.0]]


def test_turn_is_free_again_after_the_last_awaited_call(stage: Stage) -> None:
    async def play() -> None:
        for item in range(3):
            stage.model.let.release()
            assert values(await stage.begin(float(item))) == [item + 1.0]

    asyncio.run(play())
    assert stage.batcher.free_turns == 1


def test_loop_that_has_ended_stops_no_computation(stage: Stage) -> None:
    async def leave() -> None:
        stage.begin(0.0)
        await stage.computing(1)

    asyncio.run(leave())  # cancels the call, which is being computed
    stage.model.let.release(2)
    assert values(stage.batcher.compute([np.array([1.0])], NO_DEADLINE)) == [2.0]


@pytest.mark.parametrize("items", [1, 15, 16, 40, 200])
def test_rest_answers_calls_of_every_size_alike(
    toy_base: Path, start_server: StartServer, items: int
) -> None:
    body = {"signature_name": "positive", "instances": [item + 1.0 for item in range(items)]}
    joining = start_server(model_base_path=toy_base)
    apart = start_server(model_base_path=toy_base, max_batch_size=1)
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(joining.post, body) for _ in range(16)]
        answers = [call.result(SECONDS).raise_for_status().json() for call in asked]
    assert answers == [apart.post(body).raise_for_status().json()] * 16
    assert len(answers[0]["predictions"]) == items


@pytest.mark.parametrize("max_batch_size", [1, 64])
def test_rest_call_that_waits_for_its_turn_does_not_stop_the_event_loop(
    toy_base: Path, start_server: StartServer, tmp_path: Path, max_batch_size: int
) -> None:
    protocols = start_server(
        model_base_path=toy_base,
        max_batch_size=max_batch_size,
        max_running_calls=1,
        max_queued_calls=8,
    )
    image = {"instances": np.zeros((1, 28, 28), np.uint8).tolist()}
    with holding(protocols, tmp_path / "go", 1) as held, ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(protocols.post, image)
        time.sleep(0.3)
        assert protocols.rest.get("/livez").status_code == 200
        assert not held[0].done()
        if max_batch_size == 1:
            assert not waiting.done()
        (tmp_path / "go").touch()
        waiting.result(SECONDS).raise_for_status()


def test_slow_signature_leaves_threads_for_another(toy_base: Path) -> None:
    batching = make_dynamic_batching(ServerSettings(model_base_path=toy_base))
    assert batching is not None
    slow, quick = Model(), Model()
    quick.let.release()

    async def play() -> list[float]:
        waiting = []
        for item in range(batching.turns):
            call = join(Batcher(slow.compute, batching), [np.array([float(item)])], NO_DEADLINE)
            waiting.append(asyncio.create_task(call))
        await asyncio.sleep(0)  # each has been begun
        answer = values(await join(Batcher(quick.compute, batching), [np.zeros(1)], NO_DEADLINE))
        slow.let.release(batching.turns)
        await asyncio.wait(waiting)
        return answer

    assert asyncio.run(asyncio.wait_for(play(), SECONDS / 2)) == [1.0]


@contextmanager
def holding(protocols: Protocols, go: Path, calls: int) -> Iterator[list["Future[httpx.Response]"]]:
    """REST calls that are answered when there is a file `go`, each begun after the last."""
    body = {"signature_name": "held", "inputs": [{"b64": b64encode(bytes(go)).decode("ascii")}]}
    with ThreadPoolExecutor(calls) as threads:
        held = []
        for _ in range(calls):
            held.append(threads.submit(protocols.post, body))
            time.sleep(0.1)
        try:
            yield held
        finally:
            go.touch()
            for call in held:
                call.result(SECONDS).raise_for_status()
