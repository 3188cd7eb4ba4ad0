"""How long a caller waits for its answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from serving.server.errors import DeadlineError


@dataclass(frozen=True)
class Deadline:
    """Until when a caller waits, and whether it still does."""

    at: float = float("inf")
    """A time of `time.monotonic()`."""
    is_active: Callable[[], bool] = lambda: True


NO_DEADLINE: Final = Deadline()


@asynccontextmanager
async def within(seconds: float, text: str) -> AsyncIterator[None]:
    """Bound what is awaited.

    Raises:
        DeadlineError: with this text; it took longer.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise DeadlineError(text) from None
