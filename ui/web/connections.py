"""Bounds the connections that are open, and closes those that are not used: uvicorn waits for ever
for a request, and for a reader of its answer."""

import asyncio
import functools
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

from ui.web.shares import Held, Shares, site

MOST_CONNECTIONS: Final = 512
"""Below the 1,024 files that a process may have open by default."""
PATIENCE_SECONDS: Final = 20.0
"""Longest time in which nothing of an answer is read; so long, at most twice, may the head of a
request take."""


def bounded_protocol(
    most: int = MOST_CONNECTIONS, seconds: float = PATIENCE_SECONDS
) -> "functools.partial[BoundedProtocol]":
    """The protocol of a server whose connections share one bound."""
    return functools.partial(BoundedProtocol, Shares(most), seconds)


class BoundedProtocol(H11Protocol):
    """One connection."""

    def __init__(self, shares: Shares, seconds: float, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._shares = shares
        self._seconds = seconds
        self._held: Held | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._last: object = None
        """The answered request at the last look."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place among the connections, or close."""
        super().connection_made(transport)
        self._held = self._shares.take(site(self.client[0] if self.client else ""), transport.abort)
        if self._held is None:
            transport.abort()
        self._silence = self.loop.call_later(self._seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        for timer in (self._silence, self._unread):
            if timer is not None:
                timer.cancel()
        if self._held is not None:
            self._shares.give_back(self._held)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The other side does not read what was written."""
        super().pause_writing()
        self._unread = self.loop.call_later(self._seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The other side reads again."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _look(self) -> None:
        """Close the connection if no request has come since the last look."""
        is_waiting = self.cycle is None or self.cycle.response_complete
        if is_waiting and self.cycle is self._last:
            self.transport.abort()
            return
        self._last = self.cycle if is_waiting else None
        self._silence = self.loop.call_later(self._seconds, self._look)
