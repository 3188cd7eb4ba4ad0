"""What the server promises, held against what was measured."""

from collections.abc import Sequence
from statistics import median
from typing import Final

from benchmarks.serving.record import Aim, Scenario

_SHARES: Final = {
    ("grpc", 1): 0.51,
    ("grpc", 8): 0.86,
    ("grpc", 64): 1.38,
    ("rest", 1): 0.39,
    ("rest", 8): 0.77,
    ("rest", 64): 0.86,
}
"""Least answers a second by protocol and clients, as a share of the model's own calls from 8
threads. TensorFlow Serving 2.20 had 0.60, 0.88, 1.40 (with batching) and 0.52, 0.74, 0.78."""
_LEAST: Final = 0.9


def judge(scenarios: Sequence[Scenario], ready_s: Sequence[float]) -> tuple[Aim, ...]:
    """Every aim, with the spread over the rounds."""

    def find(server: str, protocol: str, request: str, clients: int | None = 8) -> Scenario:
        """The closed loop of so many clients; of none, the one at a rate."""
        asked = (server, protocol, request, clients)
        return next(s for s in scenarios if (s.server, s.protocol, s.request, s.clients) == asked)

    model = find("none", "in-process", "image")
    batches, overload = (find("embedded", "grpc", "batch64", clients) for clients in (8, None))
    return (
        *(
            _share(
                f"{protocol}, one image, {clients} clients: share of the model called by 8 threads",
                find("embedded", protocol, "image", clients),
                model,
                least,
            )
            for (protocol, clients), least in _SHARES.items()
        ),
        _share(
            "grpc, batches of 64, 8 clients: share of the same",
            batches,
            find("none", "in-process", "batch64"),
            _LEAST,
        ),
        _share("answers at five times that rate, share of it", overload, batches, _LEAST),
        _most(
            "time until a refusal at that rate, 99th percentile, ms",
            [overload.refused_p99_ms or 0.0],
            50.0,
        ),
        _most("from start to ready, s", ready_s, 6.0),
    )


def _share(text: str, ours: Scenario, theirs: Scenario, least: float) -> Aim:
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
