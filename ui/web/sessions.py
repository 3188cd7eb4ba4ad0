"""Bounds what Gradio keeps for each browser tab, which it calls a session.

Gradio keeps the last inputs and outputs of 10,000 sessions, and for ever the answers that nobody
collects. Any caller can name a new session with each question.
"""

from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import gradio as gr

_KEPT: Final = 4
"""Sessions whose inputs Gradio keeps; the page needs none of them."""
_WAITING: Final = 256
"""Sessions whose answers wait to be collected, and the same number of those that have all."""


class Sessions:
    """The sessions of one page."""

    def __init__(self, page: gr.Blocks) -> None:
        """Bound the sessions of `page`, which is not mounted yet."""
        page.state_session_capacity = _KEPT
        self._page = page
        self._collecting: Counter[str] = Counter()
        self._complete: OrderedDict[str, None] = OrderedDict()

    def is_known(self, session: str) -> bool:
        """Whether this session has asked something."""
        return session in self._page._queue.pending_messages_per_session

    def is_complete(self, session: str) -> bool:
        """Whether this session, one of the last that asked, has had every answer."""
        return session in self._complete

    async def admit(self, session: str) -> bool:
        """Make room for a session; False where all are busy collecting their answers."""
        waiting = self._page._queue.pending_messages_per_session
        if session in waiting or len(waiting) < _WAITING:
            return True
        oldest = next((one for one in waiting if not self._collecting[one]), None)
        if oldest is not None:
            await self._forget(oldest)
        return oldest is not None

    @asynccontextmanager
    async def collecting(self, session: str) -> AsyncIterator[None]:
        """Keep a session while its answers are collected; forget it with the last one."""
        self._collecting[session] += 1
        try:
            yield
        finally:
            self._collecting[session] -= 1
            if not self._collecting[session]:
                del self._collecting[session]
                if not self._page._queue.pending_event_ids_session.get(session):
                    self._note_complete(session)
                    await self._forget(session)

    def _note_complete(self, session: str) -> None:
        self._complete[session] = None
        self._complete.move_to_end(session)
        if len(self._complete) > _WAITING:
            self._complete.popitem(last=False)

    async def _forget(self, session: str) -> None:
        queue = self._page._queue
        await queue.clean_events(session_hash=session)
        queue.pending_messages_per_session.pop(session, None)
        queue.pending_event_ids_session.pop(session, None)
        self._page.state_holder.session_data.pop(session, None)
