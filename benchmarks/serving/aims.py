"""What the server promises, held against what was measured."""

from collections.abc import Sequence
from statistics import median
from typing import Final

from benchmarks.serving.record import Aim, Scenario

_MOST_CLIENTS: Final = 64


def judge(scenarios: Sequence[Scenario], ready_s: Sequence[float]) -> tuple[Aim, ...]:
    """Every aim, with the spread over the rounds."""

    def find(server: str, protocol: str, request: str, clients: int | None = None) -> Scenario:
        """The closed loop of so many clients; of none, the one at the highest rate."""
        fitting = [
            s
            for s in scenarios
            if (s.server, s.protocol, s.request, s.clients) == (server, protocol, request, clients)
        ]
        return max(fitting, key=lambda scenario: scenario.rate or 0)

    def best(server: str, protocol: str, request: str) -> Scenario:
        fitting = [
            s
            for s in scenarios
            if (s.server, s.protocol, s.request) == (server, protocol, request) and s.clients
        ]
        return max(fitting, key=lambda scenario: scenario.throughput_per_s)

    lone = find("none", "in-process", "image", 1)
    overload = find("embedded", "grpc", "batch64")
    return (
        _share(
            "batches of 64 over gRPC, share of the in-process throughput",
            best("embedded", "grpc", "batch64"),
            best("none", "in-process", "batch64"),
        ),
        _share(
            "single images over gRPC from 64 clients with batching, share of the same scheduler "
            "in-process",
            find("embedded with batching", "grpc", "image", _MOST_CLIENTS),
            find("none, with batching", "in-process", "image", _MOST_CLIENTS),
        ),
        _added(
            "gRPC, one client, one image: median over the in-process call, ms",
            find("embedded", "grpc", "image", 1),
            lone,
            1.0,
        ),
        _added(
            "REST, one client, one image: median over the in-process call, ms",
            find("embedded", "rest", "image", 1),
            lone,
            2.0,
        ),
        _share(
            "answers at five times the peak rate, share of the peak",
            overload,
            find("embedded", "grpc", "batch64", _MOST_CLIENTS),
        ),
        _most(
            "time until a refusal at that rate, 99th percentile, ms",
            [overload.refused_p99_ms or 0.0],
            50.0,
        ),
        _most("from start to ready, s", ready_s, 8.0),
    )


def _share(text: str, ours: Scenario, theirs: Scenario, least: float = 0.9) -> Aim:
    ratios = [
        one / other
        for one, other in zip(ours.throughput_by_round, theirs.throughput_by_round, strict=True)
    ]
    return Aim(
        text=text,
        wanted=f"at least {least:g}",
        measured=median(ratios),
        least=min(ratios),
        most=max(ratios),
        kept=median(ratios) >= least,
    )


def _added(text: str, ours: Scenario, theirs: Scenario, most: float) -> Aim:
    return _most(
        text,
        [
            one - other
            for one, other in zip(ours.p50_by_round_ms, theirs.p50_by_round_ms, strict=True)
        ],
        most,
    )


def _most(text: str, values: Sequence[float], most: float) -> Aim:
    middle = median(values)
    return Aim(
        text=text,
        wanted=f"at most {most:g}",
        measured=middle,
        least=min(values),
        most=max(values),
        kept=middle <= most,
    )
