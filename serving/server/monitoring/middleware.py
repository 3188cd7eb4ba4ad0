"""Counts the calls of both protocols, and shows the page of counts on the REST port: around the
methods of a gRPC service, and an ASGI application."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import grpc
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.server.config_files import read_config
from serving.server.errors import Code
from serving.server.monitoring.metrics import CONTENT_TYPE, Metrics

_DEFAULT_PATH: Final = "/monitoring/prometheus/metrics"
"""Source: TensorFlow Serving's own, for a configuration that names none."""
_PAGE_VERBS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
"""TensorFlow Serving looks at the path alone, so a scraper that posts is answered too."""

Method = Callable[[Any, grpc.ServicerContext], Any]


def read_metrics_path(config: Path | None) -> str | None:
    """The path of the page of counts that a monitoring configuration opens; none where it is off.

    Raises:
        SettingsError: the file cannot be used.
    """
    if config is None:
        return None
    prometheus = read_config(config, "MonitoringConfig", "monitoring_config_file").prometheus_config
    return (prometheus.path or _DEFAULT_PATH) if prometheus.enable else None


class GrpcMeter:
    """Counts every call of PredictionService."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def count(self, api: str, method: Method) -> Method:
        """Put the count around a method, once and not for every call as an interceptor does."""

        def counted(request: Any, context: grpc.ServicerContext) -> Any:
            began = time.perf_counter()
            self._metrics.began("GRPC")
            try:
                return method(request, context)
            finally:
                status: grpc.StatusCode | None = context.code()  # type: ignore[attr-defined] # set by abort; absent from the stubs
                code = Code.OK if status is None else Code(status.value[0])
                seconds = time.perf_counter() - began
                self._metrics.answered(_model_of(request), api, "GRPC", code, seconds)

        return counted


def _model_of(request: Any) -> str:
    """The model asked for; of several tasks, the first one's."""
    asked = next(iter(request.tasks), None) if hasattr(request, "tasks") else request
    return "" if asked is None else str(asked.model_spec.name)


class RestMeter:
    """The ASGI application around the REST protocol."""

    def __init__(self, protocol: ASGIApp, metrics: Metrics, path: str | None) -> None:
        """Args: path: where the page of counts is; none leaves it off."""
        self._protocol = protocol
        self._metrics = metrics
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Show the page, or let the protocol answer and count."""
        if scope["method"] in _PAGE_VERBS and scope["path"] == self._path:
            await self._page(scope)(scope, receive, send)
            return
        began = time.perf_counter()
        self._metrics.began("REST")
        state = scope.setdefault("state", {})
        try:
            await self._protocol(scope, receive, send)
        except asyncio.CancelledError:
            state["code"] = Code.CANCELLED
            raise
        finally:
            self._count(state, time.perf_counter() - began)

    def _page(self, scope: Scope) -> Response:
        if query := scope["query_string"].decode("latin-1"):
            return Response(
                f"Unexpected path: {self._path}?{query}. Should be {self._path}",
                400,
                media_type="text/plain",
            )
        return Response(self._metrics.page(), headers={"content-type": CONTENT_TYPE})

    def _count(self, state: dict[str, Any], seconds: float) -> None:
        call = state.get("call")
        api = call.action if call and call.action in ("predict", "classify", "regress") else ""
        self._metrics.answered(
            call.target.model if call else "", api, "REST", state.get("code", Code.OK), seconds
        )
