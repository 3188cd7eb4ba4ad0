"""The requests of the benchmark, and callers that send them: bytes made once, so that little of the
time is the caller's."""

import base64
import http.client
import io
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final

import grpc
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.serving.load import Call, Connect, Outcome
from digits.contract import DRAWINGS, MODEL_NAME, PREDICT
from serving.client.messages import PredictRequest
from serving.client.tensors import encode

HOST: Final = "127.0.0.1"
SIZES: Final = {"image": 1, "batch64": 64, "png": 1}
"""Items of each request."""
_CANVAS: Final = 280
_PREDICT: Final = "/tensorflow.serving.PredictionService/Predict"
_PATIENCE: Final = 60.0
_FULL: Final = {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE}
_FULL_HTTP: Final = {429, 503}


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


def over_grpc(port: int, request: Request) -> Connect:
    """Callers of the model server's gRPC protocol."""
    message = PredictRequest()
    message.model_spec.name, message.model_spec.signature_name = MODEL_NAME, request.signature
    message.inputs["png" if request.signature == DRAWINGS else "images"].CopyFrom(
        encode(request.values)
    )
    body = message.SerializeToString()

    @contextmanager
    def connect() -> Iterator[Call]:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
        with grpc.insecure_channel(f"{HOST}:{port}", options) as channel:
            predict: Callable[..., bytes] = channel.unary_unary(_PREDICT)

            def call() -> Outcome:
                try:
                    predict(body, timeout=_PATIENCE, wait_for_ready=True)
                except grpc.RpcError as error:
                    return Outcome.REFUSED if error.code() in _FULL else Outcome.FAILED
                return Outcome.ANSWERED

            yield call

    return connect


def over_rest(port: int, request: Request) -> Connect:
    """Callers of the model server's REST protocol."""
    rows = (
        request.values.tolist()
        if isinstance(request.values, np.ndarray)
        else [_as_text(value) for value in request.values]
    )
    body = json.dumps(
        {"signature_name": request.signature, "instances": rows}, separators=(",", ":")
    ).encode()
    return _over_http(port, f"/v1/models/{MODEL_NAME}:predict", body)


def over_plain(port: int, request: Request) -> Connect:
    """Callers of the server that `benchmarks.serving.plain` is."""
    assert isinstance(request.values, np.ndarray)
    return _over_http(
        port,
        "/predict",
        json.dumps({"images": request.values.tolist()}, separators=(",", ":")).encode(),
    )


def _as_text(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}


def _over_http(port: int, path: str, body: bytes) -> Connect:
    headers = {"Content-Type": "application/json"}

    @contextmanager
    def connect() -> Iterator[Call]:
        with closing(http.client.HTTPConnection(HOST, port, timeout=_PATIENCE)) as connection:
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def call() -> Outcome:
                try:
                    connection.request("POST", path, body, headers)
                    answer = connection.getresponse()
                    answer.read()
                except (OSError, http.client.HTTPException):
                    connection.close()
                    return Outcome.FAILED
                if answer.status in _FULL_HTTP:
                    return Outcome.REFUSED
                return Outcome.ANSWERED if answer.status == http.client.OK else Outcome.FAILED

            yield call

    return connect
