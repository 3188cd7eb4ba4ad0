"""How long a caller waits for its answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Deadline:
    """Until when a caller waits, and whether it still does."""

    at: float = float("inf")
    """A time of `time.monotonic()`."""
    is_active: Callable[[], bool] = lambda: True


NO_DEADLINE: Final = Deadline()
