"""Trying again, for both transports: only when the server is unavailable, a few times, within the
deadline."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from serving.client.errors import UnavailableError

ATTEMPTS: Final = 4
"""A server that is away costs about 0.5 s before the caller hears of it; a restart behind a proxy
is bridged."""
FIRST_WAIT: Final = 0.1
"""Seconds; doubles with each attempt."""

Answer = TypeVar("Answer")


def retrying(
    attempt: Callable[[float], Answer],
    deadline: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    chance: Callable[[], float] = random.random,
) -> Answer:
    """Call `attempt` until it answers, at most `ATTEMPTS` times and never past the deadline.

    Waits grow exponentially and are shortened at random by up to half, so that many clients of one
    restarted server do not come back in step. Predictions change nothing, so asking twice does no
    harm.

    Args:
        attempt: gets the seconds that are left and passes them on as its own limit.
        deadline: seconds for all attempts together.
        clock: seconds since any fixed instant.
        sleep: waits that many seconds.
        chance: a number in [0, 1).

    Raises:
        ClientError: what the last attempt raised.
    """
    end = clock() + deadline
    for number in range(ATTEMPTS - 1):
        try:
            return attempt(end - clock())
        except UnavailableError:
            wait = FIRST_WAIT * 2**number * (1 - chance() / 2)
            if clock() + wait >= end:
                raise
            sleep(wait)
            if clock() >= end:  # it may sleep longer than it was told
                raise
    return attempt(end - clock())
