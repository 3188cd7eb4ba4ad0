"""Stop when asked: SIGINT (Ctrl-C) and SIGTERM end the program, but a training saves first."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_FROM_A_SIGNAL: Final = 128
"""Shells report a program that a signal ended as this plus the signal's number."""


class Stopped(KeyboardInterrupt):
    """A signal asked the program to stop. Not an Exception, so that nothing on the way takes it for
    a failure of its own.

    Attributes:
        exit_code: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, number: int, where: str = "") -> None:
        """Args: the signal's number, and what was saved."""
        super().__init__(where)
        self.exit_code = _FROM_A_SIGNAL + number


@contextmanager
def immediate() -> Iterator[None]:
    """Within the block, a signal raises `Stopped` at once."""

    def leave(number: int, _: FrameType | None) -> None:
        raise Stopped(number)

    with _handled(leave):
        yield


@contextmanager
def deferred() -> Iterator[Callable[[], int | None]]:
    """Within the block, a first signal is only recorded, so that the training can save before it
    stops; a second one ends the program at once.

    Yields:
        A function that gives the number of the signal that came, if one did.

    Raises:
        Stopped: at the end of the block, if a signal came.
    """
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        if came:
            # Nothing is lost: whatever is being written appears whole or not at all.
            os._exit(_FROM_A_SIGNAL + number)
        came.append(number)
        # Print may be what was interrupted.
        os.write(2, b"\nstopping after this step; once more stops at once\n")

    with _handled(note):
        yield lambda: came[0] if came else None
    if came:
        raise Stopped(came[0])


@contextmanager
def _handled(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let `handle` answer the signals within the block; elsewhere than in the main thread Python
    delivers none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
