"""The gRPC door: PredictionService and ModelService, thin over the core."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, Final, TypeVar

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving.server import tensors
from serving.server.errors import InvalidArgumentError, UnimplementedError, as_answer
from serving.server.gate import Gate
from serving.server.models import Models, Target
from serving.server.predict import Answer, Limits, Query, predict
from serving.server.settings import ServerSettings

STATUS: Final = {status.value[0]: status for status in grpc.StatusCode}
"""gRPC's status by canonical number."""
_LONGEST_TEXT: Final = 1024
"""Characters of an error; gRPC carries it in a header. Source: TensorFlow Serving cuts there too."""
_METADATA_FIELD: Final = "signature_def"

Request = TypeVar("Request")
Reply = TypeVar("Reply")
Service = TypeVar("Service")


def answering(
    method: Callable[[Service, Request, grpc.ServicerContext], Reply],
) -> Callable[[Service, Request, grpc.ServicerContext], Reply]:
    """Turn whatever `method` raises into a status; nothing of ours leaves by accident."""

    @wraps(method)
    def call(service: Service, request: Request, context: grpc.ServicerContext) -> Reply:
        try:
            return method(service, request, context)
        except Exception as error:  # noqa: BLE001 - as_answer logs what is not ours
            answer = as_answer(error)
        context.abort(STATUS[answer.code], _cut(answer.text))
        raise AssertionError("abort raises")

    return call


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}...TRUNCATED"


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc] # generated without types
    """Predict and GetModelMetadata; the rest of the service is announced as absent."""

    def __init__(self, models: Models, gate: Gate, limits: Limits, *, as_content: bool) -> None:
        self._models = models
        self._gate = gate
        self._limits = limits
        self._as_content = as_content

    @answering
    def Predict(self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext) -> predict_pb2.PredictResponse:  # noqa: N802
        """Compute a signature."""
        query = Query(
            _read_target(request),
            request.model_spec.signature_name,
            lambda signature: tensors.decode_inputs(request.inputs, signature, self._limits.max_tensor_bytes),
            request.output_filter,
        )
        with self._gate.admit(context.time_remaining()):
            answer = predict(self._models, query, self._limits)
            return _write_answer(answer, self._as_content)

    @answering
    def GetModelMetadata(  # noqa: N802
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, _context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Tell the signatures of a version."""
        target = _read_target(request)
        if not request.metadata_field:
            raise InvalidArgumentError("GetModelMetadataRequest must specify at least one metadata_field")
        for name in request.metadata_field:
            if name != _METADATA_FIELD:
                raise InvalidArgumentError(f"Metadata field {name} is not supported")
        with self._models.lease(target) as version:
            reply = get_model_metadata_pb2.GetModelMetadataResponse()
            reply.model_spec.name = version.model
            reply.model_spec.version.value = version.number
            signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=version.definitions)
            reply.metadata[_METADATA_FIELD].Pack(signatures)
            return reply

    @answering
    def Classify(self, _request: classification_pb2.ClassificationRequest, _context: grpc.ServicerContext) -> None:  # noqa: N802
        """Not offered yet."""
        raise UnimplementedError("Classify is not offered by this server; use Predict")

    @answering
    def Regress(self, _request: regression_pb2.RegressionRequest, _context: grpc.ServicerContext) -> None:  # noqa: N802
        """Not offered yet."""
        raise UnimplementedError("Regress is not offered by this server; use Predict")

    @answering
    def MultiInference(self, _request: inference_pb2.MultiInferenceRequest, _context: grpc.ServicerContext) -> None:  # noqa: N802
        """Not offered yet."""
        raise UnimplementedError("MultiInference is not offered by this server; use Predict")


class ModelService(model_service_pb2_grpc.ModelServiceServicer):  # type: ignore[misc] # generated without types
    """GetModelStatus."""

    def __init__(self, models: Models) -> None:
        self._models = models

    @answering
    def GetModelStatus(  # noqa: N802
        self, request: get_model_status_pb2.GetModelStatusRequest, _context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Tell the state of a model's versions; a label in the request is ignored, as TensorFlow Serving does."""
        target = _read_target(request)
        reply = get_model_status_pb2.GetModelStatusResponse()
        for status in self._models.status(target.model, target.version):
            entry = reply.model_version_status.add(version=status.number, state=int(status.state))
            entry.status.error_code = int(status.code)
            entry.status.error_message = status.text
        return reply

    @answering
    def HandleReloadConfigRequest(self, _request: model_management_pb2.ReloadConfigRequest, _context: grpc.ServicerContext) -> None:  # noqa: N802
        """Not offered yet."""
        raise UnimplementedError("HandleReloadConfigRequest is not offered by this server; restart it with another configuration")


def _read_target(request: Any) -> Target:  # noqa: ANN401 - three message types with the same field
    if not request.HasField("model_spec"):
        raise InvalidArgumentError("Missing ModelSpec")
    spec: model_pb2.ModelSpec = request.model_spec
    version = spec.version.value if spec.WhichOneof("version_choice") == "version" else None
    return Target(spec.name, version, spec.version_label)


def _write_answer(answer: Answer, as_content: bool) -> predict_pb2.PredictResponse:
    reply = predict_pb2.PredictResponse()
    reply.model_spec.name = answer.model
    reply.model_spec.version.value = answer.version
    reply.model_spec.signature_name = answer.signature.name
    for name, array in answer.outputs.items():
        tensors.encode_into(reply.outputs[name], array, answer.signature.outputs[name], as_content=as_content)
    return reply


def open_grpc(
    models: Models, gate: Gate, limits: Limits, settings: ServerSettings, port: int, *, meter: grpc.ServerInterceptor
) -> tuple[grpc.Server, int]:
    """Bind the port, without answering yet; `start()` on the result does that.

    Args:
        port: 0 lets the system choose one.
        meter: counts the calls.

    Returns:
        The server and the port it has.

    Raises:
        OSError: the port is taken or may not be used.
    """
    server = grpc.server(
        ThreadPoolExecutor(settings.grpc_max_threads, thread_name_prefix="grpc"),
        interceptors=[meter],
        options=[
            ("grpc.so_reuseport", 0),  # or a second server would silently share the port
            ("grpc.max_receive_message_length", settings.max_message_bytes),
            ("grpc.max_send_message_length", -1),  # what was computed is answered, whatever its size
        ],
    )
    prediction = PredictionService(models, gate, limits, as_content=settings.enable_serialization_as_tensor_content)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(prediction, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(models), server)
    address = f"[{settings.host}]:{port}" if ":" in settings.host else f"{settings.host}:{port}"
    try:
        return server, server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"expected a free port for gRPC; received {address}, which cannot be bound; choose another") from error
