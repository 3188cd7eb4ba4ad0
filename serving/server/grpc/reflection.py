"""gRPC reflection: what a caller without the proto files, such as grpcurl, asks before it calls.

The generated modules that describe the two services were made for an older protobuf and do not load
under a present one, so their descriptions are made here from the messages, which do.
"""

from collections.abc import Sequence
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

_PACKAGE: Final = "tensorflow.serving"
_PREDICTION: Final[dict[str, tuple[Any, str]]] = {
    "Classify": (classification_pb2, "Classification"),
    "Regress": (regression_pb2, "Regression"),
    "Predict": (predict_pb2, "Predict"),
    "MultiInference": (inference_pb2, "MultiInference"),
    "GetModelMetadata": (get_model_metadata_pb2, "GetModelMetadata"),
}
"""For each method the module of its messages, and their names without Request and Response.
Source: tensorflow_serving/apis/prediction_service.proto."""
_MODEL: Final[dict[str, tuple[Any, str]]] = {
    "GetModelStatus": (get_model_status_pb2, "GetModelStatus"),
    "HandleReloadConfigRequest": (model_management_pb2, "ReloadConfig"),
}
"""Source: tensorflow_serving/apis/model_service.proto."""


def join(server: grpc.Server, services: Sequence[str]) -> None:
    """Offer the service on a server.

    Args:
        services: full names of the others it offers.
    """
    pool = descriptor_pool.Default()
    for file in (
        _describe("prediction_service", "PredictionService", _PREDICTION),
        _describe("model_service", "ModelService", _MODEL),
    ):
        pool.AddSerializedFile(file.SerializeToString())  # the same a second time changes nothing
    reflection.enable_server_reflection((*services, reflection.SERVICE_NAME), server)


def _describe(
    stem: str, service: str, methods: dict[str, tuple[Any, str]]
) -> descriptor_pb2.FileDescriptorProto:
    """The file that declares a service, as the original is compiled."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"tensorflow_serving/apis/{stem}.proto", package=_PACKAGE, syntax="proto3"
    )
    file.options.cc_enable_arenas = True
    file.dependency.extend(sorted({module.DESCRIPTOR.name for module, _ in methods.values()}))
    described = file.service.add(name=service)
    for method, (_, name) in methods.items():
        described.method.add(
            name=method,
            input_type=f".{_PACKAGE}.{name}Request",
            output_type=f".{_PACKAGE}.{name}Response",
        )
    return file
