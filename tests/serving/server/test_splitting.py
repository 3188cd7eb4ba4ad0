"""A large call that comes alone is computed in parts at the same time, and answered whole."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf

from serving.server.errors import DeadlineError
from serving.server.models.deadline import Deadline
from serving.server.models.dynamic_batching import Batcher, DynamicBatching
from serving.server.models.splitting import PART_ITEMS, Splitter
from tests.support.server_fixtures import SECONDS, Array

PARTS = 3


class Model:
    """Adds one to every item; `together`: waits until so many computations are under way."""

    def __init__(self, together: int = 1) -> None:
        self.sizes: list[int] = []
        self.running = 0
        self.whole = False
        self.seconds = 0.0
        self._all_in = threading.Barrier(together)
        self._lock = threading.Lock()

    def compute(self, arrays: Sequence[Array]) -> list[Array]:
        (items,) = arrays
        with self._lock:
            self.sizes.append(len(items))
            self.running += 1
        try:
            self._all_in.wait(SECONDS)
            if (items < 0).any():
                raise tf.errors.InvalidArgumentError(None, None, "below zero")
            time.sleep(self.seconds)
            return [items.sum()[None] if self.whole else items + 1]
        finally:
            with self._lock:
                self.running -= 1


@pytest.fixture
def helpers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(PARTS - 1) as pool:
        yield pool


def splitter(model: Model, helpers: ThreadPoolExecutor, turns: int = PARTS + 1) -> Splitter:
    batcher = Batcher(model.compute, DynamicBatching(64, threading.Semaphore(1), turns, helpers))
    return Splitter(batcher, helpers, PARTS)


def test_large_call_is_computed_in_parts_at_the_same_time(helpers: ThreadPoolExecutor) -> None:
    model = Model(together=PARTS)
    items = np.arange(PARTS * PART_ITEMS + 1)
    (answer,) = splitter(model, helpers).compute([items], Deadline())
    assert answer.tolist() == (items + 1).tolist()
    assert sorted(model.sizes) == [PART_ITEMS, PART_ITEMS, PART_ITEMS + 1]


@pytest.mark.parametrize(
    ("items", "turns", "sizes"),
    [
        (2 * PART_ITEMS - 1, PARTS, [2 * PART_ITEMS - 1]),
        (2 * PART_ITEMS, PARTS, [PART_ITEMS, PART_ITEMS]),
        (8 * PART_ITEMS, 2, [4 * PART_ITEMS, 4 * PART_ITEMS]),
        (8 * PART_ITEMS, 1, [8 * PART_ITEMS]),
        (8 * PART_ITEMS, 8, [22, 21, 21]),
        (8 * PART_ITEMS + 1, PARTS, [22, 22, 21]),
    ],
)
def test_parts_are_not_small_and_no_more_than_turns_are_free(
    items: int, turns: int, sizes: list[int], helpers: ThreadPoolExecutor
) -> None:
    model = Model()
    (answer,) = splitter(model, helpers, turns).compute([np.arange(items)], Deadline())
    assert answer.tolist() == list(range(1, items + 1))
    assert sorted(model.sizes) == sorted(sizes)


def test_call_that_finds_no_free_turn_is_not_cut(helpers: ThreadPoolExecutor) -> None:
    model = Model(together=2)
    whole = splitter(model, helpers, turns=2)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(whole.compute, [np.zeros(1)], Deadline())
        while not model.running:
            assert not first.done()
        whole.compute([np.zeros(4 * PART_ITEMS)], Deadline())
        first.result(SECONDS)
    assert model.sizes == [1, 4 * PART_ITEMS]


@pytest.mark.parametrize("place", [0, 2 * PART_ITEMS])
def test_part_that_fails_fails_the_call_once_no_part_is_computed(
    place: int, helpers: ThreadPoolExecutor
) -> None:
    model = Model(together=PARTS)
    model.seconds = 0.2
    items = np.zeros(PARTS * PART_ITEMS)
    items[place] = -1
    with pytest.raises(tf.errors.InvalidArgumentError, match="below zero"):
        splitter(model, helpers).compute([items], Deadline())
    assert model.running == 0


def test_outputs_that_are_not_by_item_come_from_the_whole_call(
    helpers: ThreadPoolExecutor,
) -> None:
    model = Model()
    model.whole = True
    (answer,) = splitter(model, helpers).compute([np.ones(2 * PART_ITEMS)], Deadline())
    assert answer.tolist() == [2 * PART_ITEMS]


def test_call_does_not_wait_for_helpers_that_are_busy(helpers: ThreadPoolExecutor) -> None:
    model, free = Model(), threading.Event()
    busy = [helpers.submit(free.wait, SECONDS) for _ in range(PARTS - 1)]
    try:
        (answer,) = splitter(model, helpers).compute([np.zeros(PARTS * PART_ITEMS)], Deadline())
        assert len(answer) == PARTS * PART_ITEMS
        assert not any(future.done() for future in busy)
    finally:
        free.set()


def test_call_whose_caller_has_gone_is_not_computed(helpers: ThreadPoolExecutor) -> None:
    model = Model()
    with pytest.raises(DeadlineError):
        splitter(model, helpers).compute(
            [np.zeros(PARTS * PART_ITEMS)], Deadline(is_active=lambda: False)
        )
    assert not model.sizes


def test_order_of_items_is_kept_in_every_input_and_output(helpers: ThreadPoolExecutor) -> None:
    def compute(arrays: Sequence[Array]) -> list[Array]:
        return [arrays[1] * 2, arrays[0]]

    batcher = Batcher(compute, DynamicBatching(64, threading.Semaphore(1), PARTS, helpers))
    first, second = np.arange(24.0).reshape(24, 1), np.array([b"%d" % n for n in range(24)], "O")
    doubled, same = Splitter(batcher, helpers, PARTS).compute([second, first], Deadline())
    assert all(one < two for one, two in pairwise(doubled.ravel()))
    assert same.tolist() == second.tolist()
