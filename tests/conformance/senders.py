"""Send a recorded request byte for byte, and write the answer down as the recordings do."""

import base64
import http.client
import json
import socket
import time
from typing import Any, Final

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from tests.conformance.recordings import Json

_SECONDS: Final = 30.0
_KEPT_OPEN_WAIT: Final = 0.01
"""A server that closes does so with its answer."""
_REPLIES: Final[dict[str, type[Message]]] = {
    "Predict": predict_pb2.PredictResponse,
    "Classify": classification_pb2.ClassificationResponse,
    "Regress": regression_pb2.RegressionResponse,
    "MultiInference": inference_pb2.MultiInferenceResponse,
    "GetModelMetadata": get_model_metadata_pb2.GetModelMetadataResponse,
    "GetModelStatus": get_model_status_pb2.GetModelStatusResponse,
    "HandleReloadConfigRequest": model_management_pb2.ReloadConfigResponse,
    "Check": health_pb2.HealthCheckResponse,
}


def body_of(request: Json) -> bytes | None:
    """The bytes of a request's body or message."""
    if request.get("body_b64") is not None:
        return base64.b64decode(request["body_b64"])
    return None if request.get("body") is None else str(request["body"]).encode()


def send_grpc(channel: grpc.Channel, request: Json, models: str) -> Json:
    """One call. `models` takes the place of `{MODELS}` in a reload request."""
    message = body_of(request) or b""
    if request.get("message", "").endswith("ReloadConfigRequest"):
        message = _with_folder(message, models)
    method = request["method"].rsplit("/", 1)[-1]
    call = channel.unary_unary(request["method"], bytes, bytes)
    try:
        reply: bytes = call(message, timeout=request.get("timeout_s") or _SECONDS)
    except grpc.RpcError as error:
        return {"code": error.code().name, "message": error.details() or ""}
    kind = _REPLIES.get(method)
    return {"code": "OK", "response": as_json(kind.FromString(reply)) if kind else {}}


def _with_folder(message: bytes, models: str) -> bytes:
    request = model_management_pb2.ReloadConfigRequest.FromString(message)
    for model in request.config.model_config_list.config:
        model.base_path = model.base_path.replace("{MODELS}", models)
    return bytes(request.SerializeToString())


def as_json(message: Message) -> Json:
    """A message as the recordings write it."""
    return dict(json_format.MessageToDict(message, preserving_proto_field_name=True))


def send_rest(address: str, request: Json) -> Json:
    """One HTTP request over a connection of its own."""
    host, _, port = address.rpartition(":")
    seconds = request.get("client_timeout_s") or _SECONDS
    with socket.create_connection((host.strip("[]"), int(port)), seconds) as connection:
        try:
            _send(connection, request, address)
            return _receive(connection, request["verb"])
        except TimeoutError:
            return {"status": None, "error": f"no answer within {seconds:g} s"}
        except (http.client.HTTPException, ConnectionError):
            return {"status": None, "error": "connection closed without an answer"}


def _send(connection: socket.socket, request: Json, address: str) -> None:
    """As http.client would, were it not so strict about what it sends."""
    body = body_of(request)
    headers = dict(request.get("headers") or {})
    if not request.get("no_host"):
        headers = {"Host": address, **headers}
    headers |= {f"X-Many-{number}": "1" for number in range(request.get("many_headers") or 0)}
    chunks = request.get("chunks")
    if not (request.get("no_content_length") or chunks) and (
        body is not None or request["verb"] == "POST"
    ):
        headers["Content-Length"] = str(len(body or b""))
    head = f"{request['verb']} {request['path']} HTTP/{request.get('http_version') or '1.1'}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    connection.sendall(
        head.encode("latin-1") + (_chunked(body or b"", chunks) if chunks else body or b"")
    )


def _chunked(body: bytes, sizes: list[int]) -> bytes:
    parts = []
    for size in sizes:
        part, body = body[:size], body[size:]
        parts += [f"{len(part):x}\r\n".encode(), part, b"\r\n"] if part else []
    return b"".join([*parts, b"0\r\n\r\n"])


def _receive(connection: socket.socket, verb: str) -> Json:
    response = http.client.HTTPResponse(connection, method=verb)
    response.begin()
    body = response.read()
    answer: Json = {
        "status": response.status,
        "headers": dict(response.getheaders()),
        **_read_body(body),
    }
    response.close()
    return answer | {"kept_open": _is_open(connection)}


def _read_body(body: bytes) -> Json:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"body_b64": base64.b64encode(body).decode()}
    try:
        return {"body": text, "json": json.loads(text)}
    except ValueError:
        return {"body": text}


def _is_open(connection: socket.socket) -> bool:
    connection.settimeout(_KEPT_OPEN_WAIT)
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


def until_it_fits(send: Any, fits: Any, seconds: float) -> Json:
    """Ask again until the answer fits, at most for `seconds`; the last answer."""
    until = time.monotonic() + seconds
    while True:
        answer: Json = send()
        if fits(answer) or time.monotonic() > until:
            return answer
        time.sleep(0.05)
