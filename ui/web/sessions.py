"""Bounds what Gradio keeps for each browser tab, which it calls a session.

Gradio keeps the last inputs and outputs of 10,000 sessions, and for ever the answers that nobody
collects. Any caller can name a new session with each question, and collect an answer twice, of
which the second time does not end.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from copy import copy
from types import SimpleNamespace
from typing import Final

import gradio as gr
from gradio.blocks import BlocksConfig

from ui.web.refusals import BUSY
from ui.web.shares import Held, Shares, ending

SESSION: Final = "[A-Za-z0-9]{1,32}"
"""What Gradio's script calls a browser tab, as a regular expression."""
_KEPT: Final = 4
"""Sessions whose inputs Gradio keeps; the page needs none of them."""
_WAITING: Final = 256
"""Sessions whose answers wait to be collected, streams that collect them, and the same number of
sessions that have all."""


class _Unconfigured:
    """Of this Gradio makes a copy for each session."""

    def __init__(self, config: BlocksConfig) -> None:
        self._config = config

    def __copy__(self) -> BlocksConfig:
        new = copy(self._config)
        new.config_for_block = lambda *_: {}
        return new


class Sessions:
    """The sessions of one page."""

    def __init__(self, page: gr.Blocks) -> None:
        """Bound the sessions of `page`, which is not mounted yet."""
        page.state_session_capacity = _KEPT
        self._page = page
        self._collecting: Counter[str] = Counter()
        self._complete: OrderedDict[str, None] = OrderedDict()
        self._uncollected: dict[str, Held] = {}
        self._displaced: list[str] = []
        self._places = Shares(_WAITING, displaces="oldest")
        self._streams = Shares(_WAITING, displaces="oldest")

    def spare_configurations(self) -> None:
        """Spare each question copies of the components' configurations, which only Gradio's links
        to a state read; to be called once the page is mounted. What it brings: docs/experiments.md,
        the page."""
        self._page.state_holder.blocks = SimpleNamespace(
            default_config=_Unconfigured(self._page.default_config), blocks=self._page.blocks
        )

    def count_queued(self, listener: int) -> int:
        """Questions for an event listener of the page that wait in Gradio's queue."""
        waiting = self._page._queue.event_queue_per_concurrency_id
        listeners = waiting.get(self._page.fns[listener].concurrency_id)
        return len(listeners.queue) if listeners else 0

    def is_known(self, session: str) -> bool:
        """Whether this session has asked something."""
        return session in self._page._queue.pending_messages_per_session

    def is_complete(self, session: str) -> bool:
        """Whether this session, one of the last that asked, has had every answer."""
        return session in self._complete

    async def admit(self, session: str, address: str) -> None:
        """Make room for a session that asks."""
        if session not in self._collecting:
            self._keep(session, address)
        while self._displaced:
            await self._forget(self._displaced.pop())

    @asynccontextmanager
    async def collecting(self, session: str, address: str) -> AsyncIterator[None]:
        """Keep a session while its answers are collected; forget it with the last one. Where there
        are too many streams, this one ends early.

        Raises:
            RefusedError: there is no room for one more.
        """
        limit = asyncio.timeout(None)
        stream = self._streams.take(address, ending(limit))
        if stream is None:
            raise BUSY
        self._collecting[session] += 1
        self._release(session)
        with suppress(TimeoutError):
            try:
                async with limit:
                    yield
            finally:
                self._streams.give_back(stream)
                self._end(session, address)

    def _end(self, session: str, address: str) -> None:
        """One stream of a session has ended."""
        self._collecting[session] -= 1
        if self._collecting[session]:
            return
        del self._collecting[session]
        if self._page._queue.pending_event_ids_session.get(session):
            self._keep(session, address)
        else:
            self._note_complete(session)
            self._drop(session)  # nothing waits in the queue; a wait here would lose what comes now

    def _keep(self, session: str, address: str) -> None:
        """Keep the answers of a session until they are collected, or until there is no room."""
        if session not in self._uncollected:
            held = self._places.take(address, lambda: self._displaced.append(session))
            if held is not None:
                self._uncollected[session] = held

    def _release(self, session: str) -> None:
        held = self._uncollected.pop(session, None)
        if held is not None:
            self._places.give_back(held)

    def _note_complete(self, session: str) -> None:
        self._complete[session] = None
        self._complete.move_to_end(session)
        if len(self._complete) > _WAITING:
            self._complete.popitem(last=False)

    async def _forget(self, session: str) -> None:
        await self._page._queue.clean_events(session_hash=session)
        self._drop(session)

    def _drop(self, session: str) -> None:
        self._release(session)
        queue = self._page._queue
        queue.pending_messages_per_session.pop(session, None)
        queue.pending_event_ids_session.pop(session, None)
        self._page.state_holder.session_data.pop(session, None)
