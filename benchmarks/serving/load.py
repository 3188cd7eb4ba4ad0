"""Two kinds of load: callers that wait for their answers, and calls that come whether or not
anybody is done.

No TensorFlow here: the process that makes the load stays small.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum

import numpy as np


class Outcome(Enum):
    """How a call ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """The server said that it is full."""
    FAILED = "failed"


Call = Callable[[], Outcome]
Connect = Callable[[], AbstractContextManager[Call]]
"""Opens a caller of its own, with its own connection."""


@dataclass
class Sample:
    """What one load saw. Latencies in ms, by outcome."""

    seconds: float = 0.0
    latencies: dict[Outcome, list[float]] = field(
        default_factory=lambda: {outcome: [] for outcome in Outcome}
    )

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return len(self.latencies[Outcome.ANSWERED]) / self.seconds


def closed(connect: Connect, clients: int, seconds: float) -> Sample:
    """So many callers, each asking again as soon as it has its answer."""
    sample, start = Sample(), threading.Barrier(clients + 1)
    end = [0.0]

    def ask() -> None:
        with connect() as call:
            call()
            start.wait()
            mine: list[tuple[Outcome, float]] = []
            began = time.perf_counter()
            while began < end[0]:
                outcome = call()
                done = time.perf_counter()
                mine.append((outcome, 1000 * (done - began)))
                began = done
        _collect(sample, mine)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    end[0] = time.perf_counter() + 3600  # until all are connected
    start.wait()
    started = time.perf_counter()
    end[0] = started + seconds
    for thread in threads:
        thread.join()
    sample.seconds = time.perf_counter() - started
    return sample


def open_loop(connect: Connect, rate: float, seconds: float, workers: int, seed: int) -> Sample:
    """Calls at the instants of a Poisson process. Latency counts from the intended instant: a late
    call is a slow one.

    Args:
        connect: opens a caller; there are `workers` of them.
        rate: calls a second on average.
        seconds: how long calls come.
        workers: most calls under way at one time; more than the server holds, or it is never seen
            full.
        seed: decides the instants.
    """
    gaps = np.random.default_rng(seed).exponential(1 / rate, int(rate * seconds * 2) + 10)
    instants = np.cumsum(gaps)
    left = iter(instants[instants < seconds].tolist())
    sample, lock, start = Sample(), threading.Lock(), threading.Barrier(workers + 1)
    begun = [0.0]

    def ask() -> None:
        with connect() as call:
            start.wait()
            start.wait()
            mine = list(_keep(call, left, lock, begun[0]))
        _collect(sample, mine)

    threads = [threading.Thread(target=ask) for _ in range(workers)]
    for thread in threads:
        thread.start()
    start.wait()
    begun[0] = time.perf_counter() + 0.1
    start.wait()
    for thread in threads:
        thread.join()
    sample.seconds = max(seconds, time.perf_counter() - begun[0])
    return sample


def _keep(
    call: Call, left: Iterator[float], lock: threading.Lock, begun: float
) -> Iterator[tuple[Outcome, float]]:
    """Take the next instant, wait for it, call; until none is left."""
    while True:
        with lock:
            instant = next(left, None)
        if instant is None:
            return
        due = begun + instant
        if (wait := due - time.perf_counter()) > 0:
            time.sleep(wait)
        outcome = call()
        yield outcome, 1000 * (time.perf_counter() - due)


_COLLECTING = threading.Lock()


def _collect(sample: Sample, mine: Sequence[tuple[Outcome, float]]) -> None:
    with _COLLECTING:
        for outcome, latency in mine:
            sample.latencies[outcome].append(latency)


def merge(samples: Sequence[Sample]) -> Sample:
    """Several rounds as one."""
    whole = Sample(sum(sample.seconds for sample in samples))
    for sample in samples:
        for outcome, latencies in sample.latencies.items():
            whole.latencies[outcome].extend(latencies)
    return whole
