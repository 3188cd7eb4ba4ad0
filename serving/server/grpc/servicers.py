"""The gRPC protocol: PredictionService and ModelService, thin over the core."""

from time import monotonic
from typing import Any, Final, cast

import grpc
from google.protobuf.message import Message
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

from serving.server.codecs import protobuf
from serving.server.errors import InvalidArgumentError, PermissionDeniedError
from serving.server.grpc.answering import answering
from serving.server.inference.admission import Admission
from serving.server.inference.examples import CLASSIFY, REGRESS, Outcome, Task, infer, infer_all
from serving.server.inference.predict import Answer, Limits, Query, predict
from serving.server.models.config import read_message
from serving.server.models.deadline import Deadline
from serving.server.models.model import Target
from serving.server.models.registry import Models
from serving.server.models.reload import Reloader

_METADATA_FIELD: Final = "signature_def"


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc] # generated without types
    """Predict, Classify, Regress, MultiInference and GetModelMetadata."""

    def __init__(
        self, models: Models, admission: Admission, limits: Limits, *, as_content: bool
    ) -> None:
        self._models = models
        self._admission = admission
        self._limits = limits
        self._as_content = as_content

    @answering
    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Compute a signature."""
        query = Query(
            _read_target(request),
            request.model_spec.signature_name,
            lambda signature: protobuf.decode_inputs(
                request.inputs, signature, self._limits.max_tensor_bytes
            ),
            request.output_filter,
            _deadline(context),
        )
        with self._admission.admit(context.time_remaining(), _bytes_held(request)):
            answer = predict(self._models, query, self._limits)
            return _write_answer(answer, self._as_content)

    @answering
    def GetModelMetadata(
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        _context: grpc.ServicerContext,
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Tell the signatures of a version."""
        target = _read_target(request)
        if not request.metadata_field:
            raise InvalidArgumentError(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
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
    def Classify(
        self, request: classification_pb2.ClassificationRequest, context: grpc.ServicerContext
    ) -> classification_pb2.ClassificationResponse:
        """Classes and scores of examples."""
        reply = classification_pb2.ClassificationResponse()
        with self._admission.admit(context.time_remaining(), _bytes_held(request)):
            outcome = self._infer(CLASSIFY, request, context)
        _write_spec(reply.model_spec, outcome)
        _write_classes(reply.result, outcome)
        return reply

    @answering
    def Regress(
        self, request: regression_pb2.RegressionRequest, context: grpc.ServicerContext
    ) -> regression_pb2.RegressionResponse:
        """Values of examples."""
        reply = regression_pb2.RegressionResponse()
        with self._admission.admit(context.time_remaining(), _bytes_held(request)):
            outcome = self._infer(REGRESS, request, context)
        _write_spec(reply.model_spec, outcome)
        _write_values(reply.result, outcome)
        return reply

    def _infer(self, method: str, request: Any, context: grpc.ServicerContext) -> Outcome:
        task = Task(method, request.model_spec.signature_name, _deadline(context))
        return infer(self._models, _read_target(request), task, request.input, self._limits)

    @answering
    def MultiInference(
        self, request: inference_pb2.MultiInferenceRequest, context: grpc.ServicerContext
    ) -> inference_pb2.MultiInferenceResponse:
        """Several classifications and regressions of the same examples."""
        deadline = _deadline(context)
        tasks = [
            (
                _target(task.model_spec),
                Task(task.method_name, task.model_spec.signature_name, deadline),
            )
            for task in request.tasks
        ]
        with self._admission.admit(context.time_remaining(), _bytes_held(request)):
            outcomes = infer_all(self._models, tasks, request.input, self._limits)
        reply = inference_pb2.MultiInferenceResponse()
        for (_, task), outcome in zip(tasks, outcomes, strict=True):
            result = reply.results.add()
            _write_spec(result.model_spec, outcome)
            if task.method == CLASSIFY:
                _write_classes(result.classification_result, outcome)
            else:
                _write_values(result.regression_result, outcome)
        return reply


class ModelService(model_service_pb2_grpc.ModelServiceServicer):  # type: ignore[misc] # generated without types
    """GetModelStatus and, where it is enabled, HandleReloadConfigRequest."""

    def __init__(self, models: Models, reloader: Reloader | None) -> None:
        """Args: reloader: none refuses every reload."""
        self._models = models
        self._reloader = reloader

    @answering
    def GetModelStatus(
        self, request: get_model_status_pb2.GetModelStatusRequest, _context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Tell the state of a model's versions; a label in the request is ignored, as TensorFlow
        Serving does."""
        target = _read_target(request)
        reply = get_model_status_pb2.GetModelStatusResponse()
        for status in self._models.status(target.model, target.version):
            entry = reply.model_version_status.add(version=status.number, state=int(status.state))
            entry.status.error_code = int(status.code)
            entry.status.error_message = status.text
        return reply

    @answering
    def HandleReloadConfigRequest(
        self, request: model_management_pb2.ReloadConfigRequest, _context: grpc.ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        """Serve what the request names; new models answer when this returns."""
        if self._reloader is None:
            raise PermissionDeniedError(
                "HandleReloadConfigRequest is off; start the server with "
                "--enable_reload_config_request=true"
            )
        self._reloader.apply(read_message(request.config, self._models.names()))
        reply = model_management_pb2.ReloadConfigResponse()
        reply.status.SetInParent()
        for name in sorted(request.metric_names):
            reply.metric.add(name=name, int64_value_increase=0)
        return reply


def _bytes_held(request: Message) -> int:
    """Bytes of a message and of the arrays made from it."""
    return 2 * request.ByteSize()


def _deadline(context: grpc.ServicerContext) -> Deadline:
    return Deadline(monotonic() + context.time_remaining(), context.is_active)


def _read_target(request: Any) -> Target:
    if not request.HasField("model_spec"):
        raise InvalidArgumentError("Missing ModelSpec")
    return _target(request.model_spec)


def _target(spec: model_pb2.ModelSpec) -> Target:
    version = spec.version.value if spec.WhichOneof("version_choice") == "version" else None
    return Target(spec.name, version, spec.version_label)


def _write_spec(spec: model_pb2.ModelSpec, outcome: Outcome) -> None:
    spec.name = outcome.model
    spec.version.value = outcome.version
    spec.signature_name = outcome.signature_name


def _write_classes(result: classification_pb2.ClassificationResult, outcome: Outcome) -> None:
    for row in outcome.result:
        classes = result.classifications.add()
        for label, score in cast("list[tuple[bytes, float]]", row):
            classes.classes.add(label=label.decode("utf-8", errors="replace"), score=score)


def _write_values(result: regression_pb2.RegressionResult, outcome: Outcome) -> None:
    for value in outcome.result:
        result.regressions.add(value=cast("float", value))


def _write_answer(answer: Answer, as_content: bool) -> predict_pb2.PredictResponse:
    reply = predict_pb2.PredictResponse()
    reply.model_spec.name = answer.model
    reply.model_spec.version.value = answer.version
    reply.model_spec.signature_name = answer.signature.name
    for name, array in answer.outputs.items():
        protobuf.encode_into(
            reply.outputs[name], array, answer.signature.outputs[name], as_content=as_content
        )
    return reply
