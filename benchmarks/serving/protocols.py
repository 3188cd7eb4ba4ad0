"""The requests of the benchmark, and callers that send them: bytes made once, so that little of the
time is the caller's."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import grpc
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.serving.load import Call, Connect, Outcome
from digits.contract import DRAWINGS, MODEL_NAME, PREDICT
from serving.client.transport.messages import PredictRequest
from serving.client.transport.tensors import encode

HOST: Final = "127.0.0.1"
SIZES: Final = {"image": 1, "batch64": 64, "png": 1}
"""Items of each request."""
_CANVAS: Final = 280
PREDICT_METHOD: Final = "/tensorflow.serving.PredictionService/Predict"
TIMEOUT: Final = 60.0
_FULL: Final = {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE}


@dataclass(frozen=True)
class Request:
    """One request: uint8 [n, 28, 28] or an encoded drawing."""

    name: str
    signature: str
    values: NDArray[np.uint8] | list[bytes]


def make(name: str, images: NDArray[np.uint8]) -> Request:
    """The request of that name, from images uint8 [64 or more, 28, 28]."""
    if name == "png":
        picture = Image.fromarray(255 - images[0]).resize(
            (_CANVAS, _CANVAS), Image.Resampling.BICUBIC
        )
        file = io.BytesIO()
        picture.save(file, "PNG")
        return Request(name, DRAWINGS, [file.getvalue()])
    return Request(name, PREDICT, images[: SIZES[name]])


def grpc_body(request: Request) -> bytes:
    """The message of a Predict call."""
    message = PredictRequest()
    message.model_spec.name, message.model_spec.signature_name = MODEL_NAME, request.signature
    message.inputs["png" if request.signature == DRAWINGS else "images"].CopyFrom(
        encode(request.values)
    )
    return bytes(message.SerializeToString())


def rest_body(request: Request) -> bytes:
    """The JSON of a predict call."""
    rows = (
        request.values.tolist()
        if isinstance(request.values, np.ndarray)
        else [_as_text(value) for value in request.values]
    )
    content = {"signature_name": request.signature, "instances": rows}
    return json.dumps(content, separators=(",", ":")).encode()


def over_grpc(address: str, request: Request) -> Connect:
    """Python callers of the gRPC protocol, who see refusals."""
    body = grpc_body(request)

    @contextmanager
    def connect() -> Iterator[Call]:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
        with grpc.insecure_channel(address, options) as channel:
            predict: Callable[..., bytes] = channel.unary_unary(PREDICT_METHOD)

            def call() -> Outcome:
                try:
                    predict(body, timeout=TIMEOUT, wait_for_ready=True)
                except grpc.RpcError as error:
                    return Outcome.REFUSED if error.code() in _FULL else Outcome.FAILED
                return Outcome.ANSWERED

            yield call

    return connect


def _as_text(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}
