"""The standard gRPC health service: the server, each of its services, and each model by its
name."""

from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from serving.server.models.registry import Models

_SERVICES: Final = (
    "",
    "PredictionService",
    "tensorflow.serving.PredictionService",
    "tensorflow.serving.ModelService",
)
"""Names that mean the server itself. `PredictionService` is the one TensorFlow Serving knows."""
_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING


class _Servicer(health.HealthServicer):  # type: ignore[misc] # it has no types
    """The library's, which tells a name it does not know by code only; TensorFlow Serving also says
    so."""

    def Check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        reply = super().Check(request, context)
        if context.code() is not None:  # type: ignore[attr-defined] # absent from the stubs
            context.set_details("service name unknown")
        return reply


class Health:
    """Tells who is ready. A model is while a version of it answers calls; the server is while every
    model is."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._told: dict[str, health_pb2.HealthCheckResponse.ServingStatus] = {}
        self._servicer = _Servicer(experimental_non_blocking=True)

    def join(self, server: grpc.Server) -> None:
        """Offer the service on a server."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    def refresh(self) -> None:
        """Tell anew what the models' states are."""
        answering = {name: self._models.available(name) for name in self._models.names()}
        gone = dict.fromkeys(self._told.keys() - answering.keys(), False)
        for name, answers in (
            gone | answering | dict.fromkeys(_SERVICES, self._models.all_answer())
        ).items():
            self._tell(name, _SERVING if answers else _NOT_SERVING)

    def _tell(self, name: str, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        """Whoever watches hears of changes, not of every look at the folders."""
        if self._told.get(name) != status:
            self._servicer.set(name, status)
            self._told[name] = status

    def leave(self) -> None:
        """Tell everybody, now and for good, that this server is going."""
        self._servicer.enter_graceful_shutdown()
