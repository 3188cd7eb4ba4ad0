"""The gate: so many calls run, so many wait, and further ones are refused at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from serving.server.errors import DeadlineError, OverloadedError


class Gate:
    """Bounds the calls that are computed and the calls that wait, both protocols together."""

    def __init__(self, running: int, queued: int) -> None:
        self._places = threading.Semaphore(running + queued)
        self._running = threading.Semaphore(running)
        self._text = (
            f"The server already runs {running} calls and queues {queued} more; try again later"
        )

    @contextmanager
    def admit(self, seconds: float) -> Iterator[None]:
        """Let one call through, after a wait of at most `seconds`.

        Raises:
            OverloadedError: nobody may wait any more.
            DeadlineError: the time is up.
        """
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
