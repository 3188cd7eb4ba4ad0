"""The signals that end the server: the first drains it, a second ends it at once."""

import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Final

_EXIT_AT_ONCE: Final = 130
"""What a shell reports for a program ended by SIGINT."""


@dataclass
class Ending:
    """What a signal to end does."""

    waits_for_calls: bool = False
    """Whether there may be any: not while the server starts, which a store that does not answer can
    make last for ever."""
    is_asked: bool = False


def catch_signals(ending: Ending) -> Callable[[], object]:
    """Catch SIGTERM and SIGINT from now on.

    Returns:
        Waits for the next of them.

    The system may give a signal to any thread, and Python's handler runs once the main thread
    wakes: a lock would not wake it, bytes that the signal itself sends do. Nor can a handler set an
    event that the main thread may just have locked.
    """
    caught, sent = socket.socketpair()
    sent.setblocking(False)
    signal.set_wakeup_fd(sent.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, partial(_on_signal, ending))

    def wait() -> None:
        _ = sent  # which signals are written to while it is open
        caught.recv(1)

    return wait


def _on_signal(ending: Ending, _number: int, _frame: FrameType | None) -> None:
    if ending.is_asked:
        os._exit(_EXIT_AT_ONCE)
    ending.is_asked = True
    if not ending.waits_for_calls:
        os.write(sys.stderr.fileno(), b"told to end while starting\n")
        os._exit(0)
