"""Await a call that is joined with others, in an event loop: no thread waits for it."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from weakref import WeakKeyDictionary

from serving.server.models.deadline import Deadline
from serving.server.models.dynamic_batching import Batcher
from serving.server.models.functions import Array

Told = asyncio.Future[None]


async def join(batcher: Batcher, arrays: Sequence[Array], deadline: Deadline) -> list[Array]:
    """Compute a call that is joinable.

    Args:
        batcher: of the signature.
        arrays: inputs that fit it.
        deadline: how long the caller waits; whoever awaits may also cancel.

    Raises:
        DeadlineError: the caller's time ran out before its turn.
        tf.errors.OpError: TensorFlow could not compute this call.
    """
    loop = asyncio.get_running_loop()
    inbox, told = _inbox_of(loop), loop.create_future()
    call = batcher.begin(arrays, deadline, lambda _: inbox.tell(told))
    try:
        await told
    except asyncio.CancelledError:
        batcher.withdraw(call)
        raise
    return call.result()


class _Inbox:
    """Tells an event loop what other threads have done; many calls of a batch wake it once."""

    def __init__(self) -> None:
        self._told: deque[Told] = deque()
        self._is_woken = False

    def tell(self, future: Told) -> None:
        """Resolve a future of the loop; from any thread."""
        self._told.append(future)
        if not self._is_woken:  # two threads may both wake it, which does no harm
            self._is_woken = True
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                future.get_loop().call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        self._is_woken = False
        while self._told:
            future = self._told.popleft()
            if not future.done():
                future.set_result(None)


_INBOXES: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Inbox]] = WeakKeyDictionary()


def _inbox_of(loop: asyncio.AbstractEventLoop) -> _Inbox:
    inbox = _INBOXES.get(loop)
    if inbox is None:
        inbox = _INBOXES[loop] = _Inbox()
    return inbox
