"""What the server counts, under TensorFlow Serving's own names where it has them, and the page that
Prometheus reads.

Calls are watched from outside, at the protocols: around the methods of gRPC, and an ASGI
application around the REST protocol. Names and labels are the recorded ones of TensorFlow Serving
2.20; times are in microseconds, as there. What it does not count begins with `inkwell_`.
"""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from serving.server.errors import Code, VersionRefusedError
from serving.server.models.functions import Compute
from serving.server.models.model import State
from serving.server.models.registry import Models
from serving.server.models.version import LoadedVersion

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS: Final = tuple(10 * 1.8**step for step in range(33))
"""Upper bounds in microseconds, up to about 20 minutes. Source:
tensorflow_serving/servables/tensorflow/util.cc."""
_MICROSECONDS: Final = 1e6
_SUFFIX: Final = re.compile(rb"^((?:# (?:HELP|TYPE) )?:tensorflow:[a-z_:]+)_total\b", re.MULTILINE)
"""The library ends every counter's name with `_total`; TensorFlow Serving's names do not end so."""


class Metrics:
    """One server's counts. All methods may be called from any thread."""

    def __init__(self, models: Models) -> None:
        """Args: models: who is served; a name that is not among them counts as "", so that callers
        cannot fill the memory."""
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call] # the library types half of itself
        self._models = models
        self._registry = CollectorRegistry()
        self._requests = self._counter(
            "serving:request_count",
            "Requests by model and status, both protocols.",
            "model_name",
            "status",
        )
        self._latency = self._histogram(
            "serving:request_latency",
            "Microseconds of answered requests.",
            "model_name",
            "API",
            "entrypoint",
        )
        self._runtime = self._histogram(
            "serving:runtime_latency",
            "Microseconds that the model computed.",
            "model_name",
            "API",
            "runtime",
        )
        self._loads = self._counter(
            "cc:saved_model:load_attempt_count",
            "Loads of versions, by model.",
            "model_path",
            "status",
        )
        self._load_time = self._counter(
            "cc:saved_model:load_latency", "Microseconds spent loading, by model.", "model_path"
        )
        self._in_flight = Gauge(
            "inkwell_calls_in_flight",
            "Calls being answered or waiting.",
            ["entrypoint"],
            registry=self._registry,
        )
        self._now = {name: self._in_flight.labels(name) for name in ("GRPC", "REST")}
        self._answered: dict[tuple[str, str, str, Code], tuple[Counter, Histogram | None]] = {}
        """Looked up once: the library does it slowly."""
        self._registry.register(_Versions(models))
        ProcessCollector(registry=self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f":tensorflow:{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(
            f":tensorflow:{name}", text, labels, buckets=_BUCKETS, registry=self._registry
        )

    def page(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return _SUFFIX.sub(rb"\1", prometheus_client.generate_latest(self._registry))

    def began(self, entrypoint: str) -> None:
        """Count a call as being answered, until `answered`."""
        self._now[entrypoint].inc()

    def answered(self, model: str, api: str, entrypoint: str, code: Code, seconds: float) -> None:
        """Count a call that has its answer; only good answers have a latency, as with TensorFlow
        Serving."""
        self._now[entrypoint].dec()
        key = (model if self._models.is_configured(model) else "", api, entrypoint, code)
        if key not in self._answered:
            self._answered[key] = self._look_up(*key)
        requests, latency = self._answered[key]
        requests.inc()
        if latency:
            latency.observe(seconds * _MICROSECONDS)

    def _look_up(
        self, model: str, api: str, entrypoint: str, code: Code
    ) -> tuple[Counter, Histogram | None]:
        latency = self._latency.labels(model, api, entrypoint) if code == Code.OK else None
        return self._requests.labels(model, code.name), latency

    def watch_loads(
        self, load: Callable[[str, int, Path], LoadedVersion]
    ) -> Callable[[str, int, Path], LoadedVersion]:
        """Count and time every load, and time what the loaded version computes for callers."""

        def watched(model: str, number: int, folder: Path) -> LoadedVersion:
            began = time.perf_counter()
            try:
                version = load(model, number, folder)
            except VersionRefusedError:
                self._loads.labels(model, "fail").inc()
                raise
            self._loads.labels(model, "success").inc()
            self._load_time.labels(model).inc((time.perf_counter() - began) * _MICROSECONDS)
            return replace(
                version,
                functions={
                    name: self._timed(model, compute) for name, compute in version.functions.items()
                },
            )

        return watched

    def _timed(self, model: str, compute: Compute) -> Compute:
        runtime = self._runtime.labels(model, "", "TF2")

        def timed(arrays: Sequence[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
            began = time.perf_counter()
            answer = compute(arrays)
            runtime.observe((time.perf_counter() - began) * _MICROSECONDS)
            return answer

        return timed


class _Versions(Collector):
    """Which versions answer calls, looked up at each scrape."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def collect(self) -> Iterable[Metric]:
        """One sample a version."""
        family = GaugeMetricFamily(
            "inkwell_version_available",
            "1 for each version that answers calls.",
            labels=["model_name", "version"],
        )
        for name in self._models.names():
            for number in sorted(self._models.available(name)):
                family.add_metric([name, str(number)], 1)
        yield family
        yield self._altered()

    def _altered(self) -> Metric:
        family = GaugeMetricFamily(
            "inkwell_version_files_altered",
            "1 for each version that answers calls while its files no longer match its manifest.",
            labels=["model_name", "version"],
        )
        for name in self._models.names():
            available = self._models.available(name)
            for status in self._models.status(name) if available else ():
                if status.state == State.AVAILABLE:
                    family.add_metric([name, str(status.number)], float(bool(status.text)))
        return family
