"""The gRPC server itself: addresses, TLS, threads, and the services it offers."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from digits.errors import SettingsError
from serving.server.grpc import reflection
from serving.server.grpc.health import Health
from serving.server.grpc.servicers import ModelService, PredictionService
from serving.server.grpc.tls import read_credentials
from serving.server.inference.admission import Admission
from serving.server.inference.predict import Limits
from serving.server.models.registry import Models
from serving.server.models.reload import Reloader
from serving.server.monitoring.access_log import AccessLog, GrpcAccessLog
from serving.server.monitoring.middleware import GrpcMeter
from serving.server.settings import ServerSettings

_SERVICES: Final = ("tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")
_HEALTH: Final = "grpc.health.v1.Health"
_SETTINGS_MILLISECONDS: Final = 10_000
"""Until a connection must have acknowledged the server's HTTP/2 settings, which every client does
at once. One that sends and never reads does not, and is closed; gRPC's own limit is a minute."""
PREDICTION_METHODS: Final = ("Classify", "Regress", "Predict", "MultiInference", "GetModelMetadata")


def open_grpc(
    models: Models,
    admission: Admission,
    limits: Limits,
    settings: ServerSettings,
    *,
    meter: GrpcMeter,
    log: AccessLog | None,
    reloader: Reloader,
    health: Health,
) -> tuple[grpc.Server, int]:
    """Bind the addresses, without answering yet; `start()` on the result does that.

    Args:
        meter: counts the calls.
        log: gets a line for every call, if there is one.
        reloader: takes new configurations, where callers may send them.
        health: tells who is ready, where it is offered.

    Returns:
        The server and the port it has; 0 if it listens on a socket only.

    Raises:
        SettingsError: the TLS file or an option cannot be used.
        OSError: the port is taken or may not be used.
    """
    server = grpc.server(
        ThreadPoolExecutor(settings.grpc_max_threads, thread_name_prefix="grpc"),
        interceptors=[GrpcAccessLog(log)] if log else [],
        options=_options(settings),
    )
    _offer_models(server, models, admission, limits, settings, meter=meter, reloader=reloader)
    _offer_helpers(server, settings, health)
    return server, _bind(server, settings)


def _options(settings: ServerSettings) -> list[tuple[str, int | str]]:
    return [
        ("grpc.so_reuseport", 0),  # or a second server would silently share the port
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", -1),  # what was computed is answered, whatever its size
        # Without it, calls that are begun and reset at once crowd out other connections.
        ("grpc.max_concurrent_streams", settings.grpc_max_streams_per_connection),
        ("grpc.http2.settings_timeout", _SETTINGS_MILLISECONDS),
        *_read_options(settings.grpc_channel_arguments),
    ]


def _offer_models(
    server: grpc.Server,
    models: Models,
    admission: Admission,
    limits: Limits,
    settings: ServerSettings,
    *,
    meter: GrpcMeter,
    reloader: Reloader,
) -> None:
    """TensorFlow Serving's two services."""
    as_content = settings.enable_serialization_as_tensor_content
    prediction = PredictionService(models, admission, limits, as_content=as_content)
    for api in PREDICTION_METHODS:
        setattr(prediction, api, meter.count(api, getattr(prediction, api)))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(prediction, server)
    model_service = ModelService(
        models, reloader if settings.enable_reload_config_request else None
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(model_service, server)


def _offer_helpers(server: grpc.Server, settings: ServerSettings, health: Health) -> None:
    """The health service and the description of all services, where they are wanted."""
    offered: tuple[str, ...] = _SERVICES
    if settings.enable_grpc_healthcheck_service:
        health.join(server)
        offered += (_HEALTH,)
    if settings.enable_grpc_reflection:
        reflection.join(server, offered)


def _read_options(text: str) -> list[tuple[str, int | str]]:
    """`a=1,b=x` as gRPC's options; a whole number is one."""
    options: list[tuple[str, int | str]] = []
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise SettingsError(
                f"grpc_channel_arguments: expected key=value; received '{part}'; write "
                "grpc.name=value"
            )
        options.append((name, int(value) if value.lstrip("-").isdigit() else value))
    return options


def _bind(server: grpc.Server, settings: ServerSettings) -> int:
    credentials = read_credentials(settings.ssl_config_file)
    port = 0
    if settings.grpc_socket_path:
        # The file's permissions protect it.
        _listen(server, f"unix:{settings.grpc_socket_path}", None)
    if settings.port:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        port = _listen(server, f"{host}:{settings.port}", credentials)
    return port


def _listen(server: grpc.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    try:
        return (
            server.add_secure_port(address, credentials)
            if credentials
            else server.add_insecure_port(address)
        )
    except RuntimeError as error:
        raise OSError(
            f"expected a free port for gRPC; received {address}, which cannot be bound; choose "
            "another"
        ) from error
