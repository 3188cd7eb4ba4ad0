"""The order in which questions reach Gradio, whose queue is first come, first served: the addresses
that ask take turns."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

_LOOK: Final = 0.002
"""Seconds between two looks at Gradio's queue while somebody waits; it looks itself every 1 ms."""
_AHEAD: Final = 1
"""Questions of a listener that wait in Gradio's queue, so that it never has to wait for one."""
Waiting = OrderedDict[str, deque[asyncio.Future[None]]]


class Turns:
    """Questions on their way to Gradio, those of each event listener by themselves."""

    def __init__(self, count_queued: Callable[[int], int]) -> None:
        """Args: count_queued: how many questions of a listener wait in Gradio's queue."""
        self._count_queued = count_queued
        self._waiting: dict[int, Waiting] = {}
        self._passing: dict[int, int] = {}
        self._looking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def take(self, listener: int, address: str) -> AsyncIterator[None]:
        """Wait for the turn; it ends when the question is in Gradio's queue."""
        await self._wait(listener, address)
        try:
            yield
        finally:
            self._end(listener)

    async def _wait(self, listener: int, address: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        mine = self._waiting.setdefault(listener, OrderedDict()).setdefault(address, deque())
        mine.append(turn)
        self._look(listener)
        if not turn.done() and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._keep_looking())
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._end(listener)
            raise

    def _end(self, listener: int) -> None:
        self._passing[listener] -= 1
        self._look(listener)

    async def _keep_looking(self) -> None:
        while self._waiting:
            await asyncio.sleep(_LOOK)
            for listener in tuple(self._waiting):
                self._look(listener)

    def _look(self, listener: int) -> None:
        """Give turns while there is room."""
        waiting = self._waiting.get(listener)
        while waiting and self._count(listener) < _AHEAD:
            turn = _next(waiting)
            if turn is not None:
                self._passing[listener] = self._passing.get(listener, 0) + 1
                turn.set_result(None)
        if not waiting:
            self._waiting.pop(listener, None)

    def _count(self, listener: int) -> int:
        return self._passing.get(listener, 0) + self._count_queued(listener)


def _next(waiting: Waiting) -> asyncio.Future[None] | None:
    """The oldest of the address whose turn it is; the address then goes to the end."""
    address, mine = waiting.popitem(last=False)
    turn = mine.popleft()
    if mine:
        waiting[address] = mine
    return None if turn.done() else turn
