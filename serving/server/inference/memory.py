"""Give memory back to the machine after large calls: glibc keeps what was freed in its arenas."""

import ctypes
import threading
from typing import Final

_DELAY: Final = 0.5
"""Seconds; calls that end within them are followed by one return."""


class Reclaimer:
    """Returns freed memory soon after it is asked to, once for all who asked meanwhile."""

    def __init__(self, delay: float = _DELAY) -> None:
        """Args: delay: seconds until the memory is returned."""
        self._delay = delay
        self._lock = threading.Lock()
        self._is_waiting = False

    def request(self) -> None:
        """Return memory soon."""
        with self._lock:
            if self._is_waiting:
                return
            self._is_waiting = True
        timer = threading.Timer(self._delay, self._reclaim)
        timer.daemon = True
        timer.start()

    def _reclaim(self) -> None:
        with self._lock:
            self._is_waiting = False
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:  # other C libraries return memory by themselves
            trim(0)
