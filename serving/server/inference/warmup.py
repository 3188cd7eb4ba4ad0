"""Replay the requests that came with a version before it serves: a free test, and its first calls
are not slow."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import DecodeError
from tensorflow_serving.apis import inference_pb2, predict_pb2, prediction_log_pb2

from saved_model.warmup import read_warmup
from serving.server.codecs import protobuf
from serving.server.errors import Code, VersionRefusedError
from serving.server.inference.examples import CLASSIFY, REGRESS, Task, infer_with
from serving.server.inference.predict import Limits, Query, predict_with
from serving.server.models.model import Target
from serving.server.models.version import LoadedVersion

_MOST_RECORDS: Final = 1000
"""Source: TensorFlow Serving's limit; a file with more refuses the version there too."""


def warm_up(version: LoadedVersion, folder: Path, limits: Limits, times: int = 1) -> None:
    """Answer every recorded request of `folder` with `version`, each so many times; a folder
    without records is fine.

    Raises:
        VersionRefusedError: the file is damaged, too long, or holds something that is no request.
        ServingError: a request failed.
    """
    try:
        for count, log in enumerate(read_warmup(folder), start=1):
            if count > _MOST_RECORDS:
                raise VersionRefusedError(
                    Code.INVALID_ARGUMENT,
                    f"Number of warmup records exceeds the maximum ({_MOST_RECORDS})",
                )
            for _ in range(times):
                _replay(version, log, limits)
    except DecodeError as error:
        raise VersionRefusedError(Code.INVALID_ARGUMENT, "Failed to parse warmup record") from error


def _replay(version: LoadedVersion, log: prediction_log_pb2.PredictionLog, limits: Limits) -> None:
    kind = log.WhichOneof("log_type")
    if kind is None:
        return
    if kind not in _REPLAYS:
        number = log.DESCRIPTOR.fields_by_name[kind].number
        raise VersionRefusedError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {number}")
    _REPLAYS[kind](version, getattr(log, kind).request, limits)


def _predict(version: LoadedVersion, request: predict_pb2.PredictRequest, limits: Limits) -> None:
    query = Query(
        Target(version.model, version.number),
        request.model_spec.signature_name,
        lambda signature: protobuf.decode_inputs(
            request.inputs, signature, limits.max_tensor_bytes
        ),
        request.output_filter,
    )
    predict_with(version, query, limits)


def _infer(method: str, version: LoadedVersion, request: Any, limits: Limits) -> None:
    infer_with(version, Task(method, request.model_spec.signature_name), request.input, limits)


def _infer_all(
    version: LoadedVersion, request: inference_pb2.MultiInferenceRequest, limits: Limits
) -> None:
    for task in request.tasks:
        infer_with(
            version, Task(task.method_name, task.model_spec.signature_name), request.input, limits
        )


_REPLAYS: Final[dict[str, Callable[[LoadedVersion, Any, Limits], None]]] = {
    "predict_log": _predict,
    "classify_log": partial(_infer, CLASSIFY),
    "regress_log": partial(_infer, REGRESS),
    "multi_inference_log": _infer_all,
}
