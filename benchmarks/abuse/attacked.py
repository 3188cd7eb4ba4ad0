"""What a good caller sees while another program attacks, and what it leaves in memory."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import psutil

_AFTERWARDS: Final = 3.0
"""Seconds between the end of an attack and the last look at the memory."""
Seen = dict[str, Any]


def under_attack(process: psutil.Process, attack: Sequence[str], see: Callable[[], Seen]) -> Seen:
    """Run an attack meanwhile.

    Args:
        process: what is attacked.
        attack: the module that attacks, and its arguments; nothing: no attack.
        see: what the good caller does and sees.

    Returns:
        What `see` returns, and the memory of the process before and afterwards, in bytes.
    """
    before = process.memory_info().rss
    attacker = subprocess.Popen([sys.executable, "-m", *attack]) if attack else None
    try:
        seen = see()
    finally:
        if attacker is not None:
            attacker.kill()
            attacker.wait()
    time.sleep(_AFTERWARDS)
    return {**seen, "before": before, "after": process.memory_info().rss}
