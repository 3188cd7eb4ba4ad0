"""What the page must know of the model server and what rarely changes."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from serving.client import ClientError

_AGAIN: Final = 10.0
"""Seconds until the server is asked again; versions rarely come and go."""


class Polled:
    """A yes or no that is a few seconds old at most, without a call for every drawing. Safe to
    share between threads."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        """Args: ask: asks the server; may raise `ClientError`. Not called yet."""
        self._ask = ask
        self._lock = threading.Lock()
        self._known = False
        self._asked: float | None = None
        """When it was last asked, by the clock of `get`."""

    def get(self, *, may_ask: bool = True, clock: Callable[[], float] = time.monotonic) -> bool:
        """The answer; the last one where the server does not answer or may not be asked, and False
        before the first.

        Args:
            may_ask: False while the server is known to be in trouble, so that nobody waits for it.
            clock: seconds of a clock that never goes back.
        """
        with self._lock:
            now = clock()
            is_due = may_ask and (self._asked is None or now - self._asked >= _AGAIN)
            if is_due:
                self._asked = now
        if is_due:
            with suppress(ClientError):
                self._known = self._ask()
        return self._known
