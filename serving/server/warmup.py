"""Replay the requests that came with a version before it serves: a free test, and its first calls are not slow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from digits.contract import WARMUP_FILE
from serving.server import tensors
from serving.server.errors import Code, VersionRefusedError
from serving.server.models import Target
from serving.server.predict import Limits, Query, predict_with
from serving.server.version import LoadedVersion

_MOST_RECORDS: Final = 1000
"""Source: TensorFlow Serving's limit; a file with more refuses the version there too."""
_NOT_YET: Final = ("classify_log", "regress_log", "multi_inference_log")
"""Records of calls this server does not answer; they cannot warm anything."""


def warm_up(version: LoadedVersion, folder: Path, limits: Limits) -> None:
    """Answer every recorded request of `folder` with `version`; a folder without records is fine.

    Raises:
        VersionRefusedError: the file is damaged, too long, or holds something that is no request.
        ServingError: a request failed.
    """
    for count, record in enumerate(_read_records(folder / WARMUP_FILE), start=1):
        if count > _MOST_RECORDS:
            raise VersionRefusedError(Code.INVALID_ARGUMENT, f"Number of warmup records exceeds the maximum ({_MOST_RECORDS})")
        _replay(version, record, limits)


def _read_records(path: Path) -> Iterator[bytes]:
    if path.is_file():
        yield from tf.data.TFRecordDataset(str(path)).as_numpy_iterator()


def _replay(version: LoadedVersion, record: bytes, limits: Limits) -> None:
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise VersionRefusedError(Code.INVALID_ARGUMENT, "Failed to parse warmup record") from error
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        query = Query(
            Target(version.model, version.number),
            request.model_spec.signature_name,
            lambda signature: tensors.decode_inputs(request.inputs, signature, limits.max_tensor_bytes),
            request.output_filter,
        )
        predict_with(version, query, limits)
    elif kind is not None and kind not in _NOT_YET:
        raise VersionRefusedError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")
