"""What `make bench NAME=peers` writes: `results/peers.json`, and the same as a page."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from benchmarks.serving.load import Outcome, Sample
from trainer.reports.markdown import table

RESULTS_FILE: Final = "peers.json"
_FIRST: Final = "embedded"


class Load(BaseModel):
    """One number of clients that each wait for their answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    throughput_per_s: float = Field(description="answers a second, all rounds")
    throughput_by_round: tuple[float, ...]
    p50_ms: float
    p99_ms: float
    failed: int


class Measured(BaseModel):
    """One server, by the number of clients."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clients: dict[int, Load]

    @classmethod
    def of(cls, samples: Mapping[int, tuple[Sample, Sequence[Sample]]]) -> Self:
        """Args: samples: all rounds together, and each, by the number of clients."""
        return cls(clients={clients: _load(*taken) for clients, taken in samples.items()})


def _load(whole: Sample, rounds: Sequence[Sample]) -> Load:
    answered = whole.latencies[Outcome.ANSWERED] or [0.0]
    return Load(
        throughput_per_s=whole.throughput,
        throughput_by_round=tuple(sample.throughput for sample in rounds),
        p50_ms=median(answered),
        p99_ms=float(np.percentile(answered, 99)),
        failed=len(whole.latencies[Outcome.FAILED]),
    )


def write(found: Mapping[str, Measured], version: int) -> str:
    """The record as Markdown."""
    rows = []
    for name, measured in found.items():
        for clients, load in measured.clients.items():
            ratios = [
                one / other
                for one, other in zip(
                    load.throughput_by_round,
                    found[_FIRST].clients[clients].throughput_by_round,
                    strict=True,
                )
            ]
            rows.append(
                [
                    *(name, str(clients), f"{load.throughput_per_s:,.0f}"),
                    *(f"{load.p50_ms:.1f}", f"{load.p99_ms:.1f}", str(load.failed)),
                    f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})",
                ]
            )
    heads = ["server", "clients", "answers/s", "p50 ms", "p99 ms", "failed", "share of embedded"]
    return (
        "# The embedded server beside others\n\n"
        f"One image a request over REST, released version {version}, one process for each model, "
        "load and servers on the same cores, in turns. The last column: median over the rounds, "
        "and least to most.\n\n" + table(heads, rows, words=(0,)) + "\n"
    )
