"""The order in which questions are passed on."""

import asyncio
from collections import Counter

import pytest

from ui.web.turns import Turns


class Queue:
    """What Gradio's queue holds for each listener."""

    def __init__(self) -> None:
        self.held: Counter[int] = Counter()
        self.passed: list[str] = []

    async def ask(self, turns: Turns, address: str, listener: int = 0) -> None:
        async with turns.take(listener, address):
            self.passed.append(address)
            self.held[listener] += 1

    async def work(self, count: int, listener: int = 0) -> None:
        """Finish so many questions, one after the other."""
        for _ in range(count):
            await asyncio.sleep(0.02)
            self.held[listener] -= 1
        await asyncio.sleep(0.02)


@pytest.fixture
def queue() -> Queue:
    return Queue()


def start(queue: Queue, turns: Turns, addresses: str) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(queue.ask(turns, address)) for address in addresses]


def test_turns_addresses_alternate_though_one_asked_first(queue: Queue) -> None:
    async def ask() -> None:
        turns = Turns(queue.held.__getitem__)
        asked = start(queue, turns, "aaaaab")
        await queue.work(6)
        await asyncio.gather(*asked)

    asyncio.run(ask())
    assert "".join(queue.passed) in ("aabaaa", "abaaaa")


def test_turns_nobody_is_passed_on_while_one_waits_in_the_queue(queue: Queue) -> None:
    async def ask() -> list[int]:
        turns = Turns(queue.held.__getitem__)
        asked = start(queue, turns, "abc")
        lengths = []
        for _ in range(3):
            await asyncio.sleep(0.05)
            lengths.append(len(queue.passed))
            queue.held[0] -= 1
        await asyncio.gather(*asked)
        return lengths

    assert asyncio.run(ask()) == [1, 2, 3]


def test_turns_listeners_do_not_wait_for_each_other(queue: Queue) -> None:
    async def ask() -> None:
        turns = Turns(queue.held.__getitem__)
        await queue.ask(turns, "a", listener=0)
        await asyncio.wait_for(queue.ask(turns, "a", listener=1), 1)

    asyncio.run(ask())


def test_turns_who_gave_up_is_passed_over(queue: Queue) -> None:
    async def ask() -> None:
        turns = Turns(queue.held.__getitem__)
        first, second, third = start(queue, turns, "abc")
        await first
        second.cancel()
        await queue.work(2)
        await third

    asyncio.run(ask())
    assert queue.passed == ["a", "c"]


def test_turns_who_gives_up_when_it_is_their_turn_leaves_it_to_the_next(queue: Queue) -> None:
    async def ask() -> None:
        turns = Turns(queue.held.__getitem__)
        async with turns.take(0, "a"):
            second, third = start(queue, turns, "bc")
            await asyncio.sleep(0.05)
        second.cancel()  # its turn was given, and is not yet taken
        await asyncio.wait_for(third, 1)

    asyncio.run(ask())
    assert queue.passed == ["c"]
