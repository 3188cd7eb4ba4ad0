"""inkwell load SERVER --rate CALLS --seconds SECONDS: call a server at a fixed rate, and report the
latency and how the calls ended.

Each call asks about one image and is not repeated when it fails. Exit codes: 0 no call failed; 1 a
call failed; 2 wrong usage; 130 interrupted.
"""

import itertools
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from digits.contract import IMAGE_SIZE, MODEL_NAME, PIXEL_MAX, PREDICT, signatures
from digits.settings import load as load_settings
from serving.client.checks import split_server
from serving.client.connection import open_transport
from serving.client.errors import ClientError
from serving.client.settings import AccessSettings

OK: Final = "ok"
_CALLERS: Final = 64
"""Threads; fewer than the connections that httpx opens, so that no call waits for one."""
_PERCENTILES: Final = (50, 90, 99, 100)
_FAILED: Final = 1
_INTERRUPTED: Final = 130


class LoadSettings(AccessSettings):
    """Call a served model at a fixed rate and count the failures: `inkwell load SERVER`."""

    program: ClassVar[str] = "python -m serving.client.load"
    env_prefix: ClassVar[str] = "INKWELL_LOAD_"

    model: str = Field(
        default=MODEL_NAME, min_length=1, description="name the model is served under"
    )
    rate: float = Field(default=10.0, gt=0, le=100_000, description="calls to begin per second")
    seconds: float = Field(
        default=10.0, gt=0, le=86_400, description="seconds in which calls are begun"
    )
    deadline: float = Field(
        default=5.0, gt=0, le=600, description="longest wait for one answer, in seconds"
    )


@dataclass(frozen=True)
class Call:
    """How one call ended, and seconds from when it should have begun to its end."""

    outcome: str
    seconds: float
    text: str = ""


@dataclass(frozen=True)
class Load:
    """What a load gave."""

    calls: Sequence[Call]
    planned: int
    seconds: float
    """From the beginning of the first call to the end of the last."""


def call_at_rate(
    ask: Callable[[], object], rate: float, seconds: float, stop: threading.Event
) -> Load:
    """Begin calls at fixed times, whether or not earlier ones have ended, from a pool of threads.

    The time that a call waits for a free thread is part of its latency; a call for which none is
    free until the seconds are over is not begun.

    Args:
        ask: one call; raises `ClientError` where it fails. Used by several threads.
        rate: calls per second.
        seconds: in which they are begun.
        stop: begin no further ones once it is set.
    """
    planned, began = max(1, int(rate * seconds)), time.monotonic()
    numbers, calls = itertools.count(), list[Call]()

    def caller() -> None:
        while (number := next(numbers)) < planned:
            due = began + number / rate
            if stop.wait(max(0.0, due - time.monotonic())) or time.monotonic() > began + seconds:
                return
            calls.append(_timed(ask, due))

    with ThreadPoolExecutor(min(_CALLERS, planned)) as pool:
        try:
            for ended in [pool.submit(caller) for _ in range(min(_CALLERS, planned))]:
                ended.result()
        except KeyboardInterrupt:
            stop.set()
    return Load(calls, planned, time.monotonic() - began)


def _timed(ask: Callable[[], object], due: float) -> Call:
    try:
        ask()
    except ClientError as error:
        name = type(error).__name__.removesuffix("Error")
        return Call(name, time.monotonic() - due, str(error))
    return Call(OK, time.monotonic() - due)


def report(load: Load, rate: float) -> str:
    """The load in words: rate, latency of the good answers, calls by outcome, and the text of the
    first failure of each kind."""
    outcomes = Counter(call.outcome for call in load.calls)
    good = [call.seconds * 1000 for call in load.calls if call.outcome == OK]
    lines = [
        f"{len(load.calls)} calls in {load.seconds:.1f} s: {len(good) / load.seconds:.1f} answers "
        f"per second; {rate:g} calls per second were asked for"
    ]
    if good:
        found = zip(_PERCENTILES, np.percentile(good, _PERCENTILES), strict=True)
        lines.append("latency: " + ", ".join(f"p{share} {ms:.1f} ms" for share, ms in found))
    if missing := load.planned - len(load.calls):
        lines.append(f"not begun: {missing}; all {_CALLERS} callers waited for answers")
    lines += [f"{outcome}: {count}" for outcome, count in outcomes.most_common()]
    first = {call.outcome: call.text for call in reversed(load.calls) if call.text}
    return "\n".join([*lines, *(f"first {name}: {text}" for name, text in first.items())])


def main(argv: Sequence[str]) -> int:
    """Read the settings, call the server, report."""
    if argv and not argv[0].startswith("-"):
        argv = ["--server", *argv]
    settings = load_settings(LoadSettings, argv)
    stop = threading.Event()
    try:
        transport = open_transport(
            split_server(settings.server), settings.model, None, settings.access()
        )
    except ClientError as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
        return _FAILED
    signature, image = signatures()[PREDICT], _one()
    try:
        load = call_at_rate(
            lambda: transport.predict(signature, image, settings.deadline),
            settings.rate,
            settings.seconds,
            stop,
        )
    finally:
        transport.close()
    print(report(load, settings.rate))
    if stop.is_set():
        return _INTERRUPTED
    return 0 if load.calls and all(call.outcome == OK for call in load.calls) else _FAILED


def _one() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """An image of a 1: uint8 [1, 28, 28], 0..255."""
    image = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    image[:, 4:24, 13:15] = PIXEL_MAX
    return image


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
