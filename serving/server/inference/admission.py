"""Admission control: so many calls run, so many wait, and together they hold so many bytes; further
ones are refused at once."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from serving.server.errors import DeadlineError, OverloadedError

SMALL_ITEMS: Final = 16
"""Saliency maps that take 0.05 s; a call of more is not small."""
SMALL_PIXELS: Final = 1_000_000
"""Of encoded pictures, about 0.05 s too."""


class Share:
    """The bytes that one call holds of the server's budget."""

    def __init__(self, budget: "ByteBudget") -> None:
        self._budget = budget
        self._held = 0

    def add(self, size: int) -> None:
        """Hold more.

        Raises:
            OverloadedError: all calls would hold more than the budget.
        """
        self._budget.take(size, alone=self._held)
        self._held += size

    def release(self) -> int:
        """Hold nothing any more; returns the bytes held until now."""
        held, self._held = self._held, 0
        self._budget.give_back(held)
        return held


class ByteBudget:
    """Bytes of requests and of what becomes of them in memory, all calls together."""

    def __init__(self, most: int) -> None:
        """Args: most: bytes; a call that is larger is taken while no other holds any."""
        self._most = most
        self._lock = threading.Lock()
        self._held = 0

    def take(self, size: int, alone: int = 0) -> None:
        """Hold so many bytes; `alone` are those that the same call holds already.

        Raises:
            OverloadedError: the budget would be exceeded.
        """
        with self._lock:
            if self._held > alone and self._held + size > self._most:
                raise OverloadedError(
                    f"The server already holds {self._held} bytes for other calls and may hold "
                    f"{self._most}; try again later"
                )
            self._held += size

    def give_back(self, size: int) -> None:
        """Hold so many bytes less."""
        with self._lock:
            self._held -= size


class Admission:
    """Bounds the calls that are computed, the calls that wait, and the bytes they hold, both
    protocols together."""

    def __init__(self, running: int, queued: int, max_bytes: int = sys.maxsize) -> None:
        self._places = threading.Semaphore(running + queued)
        self._running = threading.Semaphore(running)
        self.budget = ByteBudget(max_bytes)
        self._text = (
            f"The server already has {running + queued} calls in progress or waiting, and takes no "
            "more; try again later"
        )

    @contextmanager
    def admit(self, seconds: float, size: int = 0) -> Iterator[None]:
        """Let one call through, after a wait of at most `seconds`.

        Args:
            seconds: that the caller waits.
            size: bytes that the call holds meanwhile.

        Raises:
            OverloadedError: nobody may wait any more, or too many bytes are held.
            DeadlineError: the time is up.
        """
        self.budget.take(size)
        try:
            with self._admit(seconds):
                yield
        finally:
            self.budget.give_back(size)

    @contextmanager
    def _admit(self, seconds: float) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise OverloadedError(self._text)
        try:
            if seconds <= 0 or not self._running.acquire(
                timeout=min(seconds, threading.TIMEOUT_MAX)
            ):
                raise DeadlineError("The call's time ran out while it waited for its turn")
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._places.release()


class LargeCalls:
    """Counts the calls under way that are not small, so that these cannot take every place."""

    def __init__(self, most: int) -> None:
        self._places = threading.Semaphore(most)
        self._text = (
            f"The server already has {most} calls of more than {SMALL_ITEMS} items or "
            f"{SMALL_PIXELS} pixels in progress or waiting; send fewer of those at once, or try "
            "again later"
        )

    @contextmanager
    def admit(self, *, is_small: bool) -> Iterator[None]:
        """Let a call through.

        Raises:
            OverloadedError: it is not small, and too many such calls are under way.
        """
        if is_small:
            yield
            return
        if not self._places.acquire(blocking=False):
            raise OverloadedError(self._text)
        try:
            yield
        finally:
            self._places.release()
