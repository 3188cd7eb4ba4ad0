"""What is measured: each kind of load on each protocol of each server, in turns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final

import numpy as np

from benchmarks.serving import h2load, protocols
from benchmarks.serving.load import Outcome, Sample, merge, open_loop
from benchmarks.serving.record import Protocol, Scenario, percentiles

CLIENTS: Final = {"image": (1, 8, 64), "batch64": (1, 8), "png": (1, 8, 64)}
"""How many at a time, by request."""
_WORKERS: Final = 320
"""Callers of an open loop: twice what the server lets in before it refuses."""


@dataclass(frozen=True)
class Plan:
    """One scenario before it is measured."""

    server: str
    protocol: Protocol
    request: str
    clients: int | None
    load: Callable[[float], Sample]
    """Runs it for so many seconds."""
    rate: float | None = None


def callers(
    name: str, address: h2load.Address, requests: Mapping[str, protocols.Request]
) -> list[Plan]:
    """Callers that each wait for their answer: on each protocol, of each request, one and more."""
    asked: tuple[Protocol, ...] = ("grpc", "rest")
    return [
        Plan(
            name,
            protocol,
            request.name,
            clients,
            partial(h2load.closed, address, protocol, request, clients),
        )
        for request in requests.values()
        for protocol in asked
        for clients in CLIENTS[request.name]
    ]


def arriving(address: str, request: protocols.Request, rate: float, seconds: float) -> Sample:
    """Calls over gRPC at the instants of a Poisson process."""
    return open_loop(protocols.over_grpc(address, request), rate, seconds, _WORKERS, seed=1)


def in_rounds(plans: Sequence[Plan], rounds: int, seconds: float) -> list[Scenario]:
    """Every plan once a round, in turns."""
    samples: list[list[Sample]] = [[] for _ in plans]
    for number in range(rounds):
        for plan, taken in zip(plans, samples, strict=True):
            taken.append(plan.load(seconds / rounds))
            asked = f"{plan.clients} clients" if plan.clients else f"{plan.rate:.0f} calls/s"
            print(
                f"round {number + 1}: {plan.server}, {plan.protocol}, {plan.request}, {asked}: "
                f"{taken[-1].throughput:.0f} answers/s",
                flush=True,
            )
    return [_describe(plan, taken) for plan, taken in zip(plans, samples, strict=True)]


def _describe(plan: Plan, samples: Sequence[Sample]) -> Scenario:
    whole = merge(samples)
    answered, refused, failed = (whole.latencies[outcome] for outcome in Outcome)
    points, intervals = percentiles(answered)
    return Scenario(
        server=plan.server,
        protocol=plan.protocol,
        request=plan.request,
        clients=plan.clients,
        rate=plan.rate,
        seconds=whole.seconds,
        answers=len(answered),
        refused=len(refused),
        errors=len(failed),
        throughput_per_s=whole.throughput,
        digits_per_s=whole.throughput * protocols.SIZES[plan.request],
        throughput_by_round=tuple(sample.throughput for sample in samples),
        p50_ms=points[0],
        p90_ms=points[1],
        p99_ms=points[2],
        p999_ms=points[3],
        p50_by_round_ms=tuple(
            median(sample.latencies[Outcome.ANSWERED] or [0.0]) for sample in samples
        ),
        intervals_ms=intervals,
        refused_p99_ms=float(np.percentile(refused, 99)) if refused else None,
    )
