"""What `make bench NAME=serving` writes down: `results/serving.json`."""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from trainer.provenance import Provenance

RESULTS_FILE: Final = "serving.json"
_PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9)
_RESAMPLES: Final = 200
"""Bootstrap samples of an interval; its ends move by a few per cent with more of them."""

Protocol = Literal["grpc", "rest", "in-process"]
Interval = tuple[float, float]


class Scenario(BaseModel):
    """One kind of load on one protocol of one server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str = Field(
        description="embedded; embedded, joining none (--max_batch_size=1); one that was given; or "
        "none for a call within the process"
    )
    protocol: Protocol
    request: str = Field(
        description="image: one 28x28 image; batch64: 64 of them; png: one drawing of 280 x 280 "
        "pixels"
    )
    clients: int | None = Field(
        description="callers that each wait for their answer; null: calls come at a rate, whoever "
        "waits"
    )
    rate: float | None = Field(
        description="calls a second on average, at the instants of a Poisson process; null: see "
        "clients"
    )
    seconds: float = Field(description="duration, all rounds together")
    answers: int = Field(description="calls that were answered with a result")
    refused: int = Field(description="calls that were told the server is full")
    errors: int = Field(description="calls that failed otherwise")
    throughput_per_s: float = Field(description="answers a second")
    digits_per_s: float = Field(description="images answered a second")
    throughput_by_round: tuple[float, ...] = Field(description="answers a second in each round")
    p50_ms: float = Field(
        description="median latency of the answers; from the intended instant of the call where "
        "they come at a rate"
    )
    p90_ms: float
    p99_ms: float
    p999_ms: float
    p50_by_round_ms: tuple[float, ...]
    intervals_ms: tuple[Interval, Interval, Interval, Interval] = Field(
        description="95 % bootstrap intervals of the four percentiles"
    )
    refused_p99_ms: float | None = Field(
        description="time until a refusal, 99th percentile; null: there was none"
    )


class Aim(BaseModel):
    """One promise and what was measured of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    wanted: str
    measured: float
    least: float = Field(description="of the rounds")
    most: float = Field(description="of the rounds")
    kept: bool


class Memory(BaseModel):
    """The embedded server's resident memory under steady load."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minutes: float
    calls: int
    errors: int
    mib: tuple[float, ...] = Field(description="at equal distances in time")


class ServingResult(Provenance):
    """All of one run."""

    model: str = Field(description="what was served")
    scenarios: tuple[Scenario, ...]
    ready_s: tuple[float, ...] = Field(
        description="from starting the embedded server to its readiness, s"
    )
    visible_s: tuple[float, ...] = Field(
        description="from a version in its folder to its first answer, s; the server looks every "
        "second"
    )
    memory: Memory | None
    aims: tuple[Aim, ...]
    remark: str


def percentiles(
    latencies: Sequence[float],
) -> tuple[list[float], tuple[Interval, Interval, Interval, Interval]]:
    """The four percentiles of latencies in ms, and their 95 % bootstrap intervals. Of none:
    zeros."""
    values = np.asarray(latencies or [0.0])
    drawn = np.random.default_rng(1).choice(values, (_RESAMPLES, len(values)))
    low, high = np.percentile(np.percentile(drawn, _PERCENTILES, axis=1), [2.5, 97.5], axis=1)
    first, second, third, fourth = (
        (float(least), float(most)) for least, most in zip(low, high, strict=True)
    )
    return [float(value) for value in np.percentile(values, _PERCENTILES)], (
        first,
        second,
        third,
        fourth,
    )
