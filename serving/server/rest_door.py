"""The REST door: predict, status and metadata over HTTP, thin over the core. An ASGI application."""

import asyncio
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from google.protobuf import json_format
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from tensorflow_serving.apis import get_model_metadata_pb2

from serving.server import json_answers, json_tensors, json_text
from serving.server.errors import (
    Code,
    DeadlineError,
    InvalidArgumentError,
    UnimplementedError,
    UnknownSignatureError,
    as_answer,
)
from serving.server.gate import Gate
from serving.server.guard import Arrays
from serving.server.models import Models, Target
from serving.server.predict import Limits, Query, predict
from serving.server.rest_paths import Call, read_path
from serving.server.settings import ServerSettings
from serving.server.signature import Signature

HTTP_STATUS: Final = {
    Code.OK: 200,
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.OUT_OF_RANGE: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.CANCELLED: 499,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}
"""HTTP status by canonical code; every other code is 500. Source: the page of TensorFlow Serving's behaviour, 4.4."""
_BODY_TOO_LARGE: Final = 413
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
"""zlib's number for "gzip and nothing else"."""


class _BodyTooLargeError(InvalidArgumentError):
    """The body, as sent or unzipped, is larger than allowed; HTTP has its own status for that."""


class RestDoor:
    """The ASGI application."""

    def __init__(self, models: Models, gate: Gate, limits: Limits, settings: ServerSettings) -> None:
        self._models = models
        self._gate = gate
        self._limits = limits
        self._max_body = settings.rest_max_body_bytes
        self._seconds = settings.rest_api_timeout_in_ms / 1000
        self._threads = ThreadPoolExecutor(settings.rest_api_num_threads, thread_name_prefix="rest")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http", "the server runs with lifespan and websockets off"
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS" and "origin" in request.headers:
            return Response()  # a browser's question; without permission headers the answer is no
        try:
            call = request.state.call = read_path(request.method, _path_as_sent(request.scope))
            return await self._dispatch(call, request)
        except Exception as error:  # noqa: BLE001 - as_answer logs what is not ours
            answer = as_answer(error)
        request.state.code = answer.code  # for the meter around this door
        status = _BODY_TOO_LARGE if isinstance(answer, _BodyTooLargeError) else HTTP_STATUS.get(answer.code, 500)
        return _error_response(answer.text, status)

    async def _dispatch(self, call: Call, request: Request) -> Response:
        if call.action == "status":
            return _json_response(self._status(call.target))
        if call.action == "metadata":
            return _json_response(self._metadata(call.target))
        if call.action == "predict":
            body = await self._read_body(request)
            return await self._in_time(call.target, body)
        raise UnimplementedError(f"{call.action} is not offered by this server; use predict")

    async def _in_time(self, target: Target, body: bytes) -> Response:
        working = asyncio.get_running_loop().run_in_executor(self._threads, self._predict, target, body)
        try:
            return await asyncio.wait_for(working, self._seconds)
        except TimeoutError:
            raise DeadlineError(f"The call took longer than {self._seconds:g} seconds") from None

    def _predict(self, target: Target, body: bytes) -> Response:
        with self._gate.admit(self._seconds):
            document = _read_document(body)
            query = Query(target, document.get("signature_name", ""), lambda signature: _read_inputs(document, signature))
            try:
                answer = predict(self._models, query, self._limits)
            except UnknownSignatureError as error:
                raise InvalidArgumentError(f'Serving signature name: "{error.name}" not found in signature def') from error
            if "instances" in document:
                return _json_response({"predictions": json_answers.write_predictions(answer.outputs, answer.signature)})
            return _json_response({"outputs": json_answers.write_columns(answer.outputs, answer.signature)})

    def _status(self, target: Target) -> dict[str, Any]:
        listed = [
            {
                "version": str(status.number),
                "state": status.state.name,
                "status": {"error_code": status.code.name, "error_message": status.text},
            }
            for status in self._models.status(target.model, target.version)
        ]
        return {"model_version_status": listed}

    def _metadata(self, target: Target) -> dict[str, Any]:
        with self._models.lease(target) as version:
            signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=version.definitions)
            fields = json_format.MessageToDict(signatures, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
            spec = {"name": version.model, "version": str(version.number), "signature_name": ""}
            return {"model_spec": spec, "metadata": {"signature_def": fields}}

    async def _read_body(self, request: Request) -> bytes:
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > self._max_body:
                raise self._too_large()
            parts.append(part)
        body = b"".join(parts)
        return self._unzip(body) if request.headers.get("content-encoding") == "gzip" else body

    def _unzip(self, body: bytes) -> bytes:
        """A body that cannot be unzipped counts as empty, as with TensorFlow Serving."""
        unzipper = zlib.decompressobj(_GZIP_WINDOW)
        try:
            plain = unzipper.decompress(body, self._max_body + 1)
        except zlib.error:
            return b""
        if len(plain) > self._max_body:
            raise self._too_large()
        return plain if unzipper.eof and not unzipper.unused_data else b""

    def _too_large(self) -> _BodyTooLargeError:
        return _BodyTooLargeError(f"Expected a body of at most {self._max_body} bytes; received a larger one; send it in parts")


def _path_as_sent(scope: Scope) -> str:
    query = scope["query_string"]
    return str((scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1"))


def _read_document(body: bytes) -> dict[str, Any]:
    document = json_text.parse(body)
    if not isinstance(document, dict):
        raise InvalidArgumentError(f"JSON Value: {json_text.echo(document)} Is not object")
    if not isinstance(document.get("signature_name", ""), str):
        raise InvalidArgumentError(
            f"JSON Value: {json_text.echo(document)} not formatted correctly. 'signature_name' key must be a string value."
        )
    return document


def _read_inputs(document: dict[str, Any], signature: Signature) -> Arrays:
    if "instances" in document and "inputs" in document:
        raise InvalidArgumentError(
            f"JSON Value: {json_text.echo(document)} Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        )
    if "instances" in document:
        return json_tensors.read_instances(document["instances"], signature)
    if "inputs" in document:
        return json_tensors.read_columns(document["inputs"], signature)
    raise InvalidArgumentError("Missing 'inputs' or 'instances' key")


def _json_response(content: dict[str, Any]) -> Response:
    """Strings of a model that are no UTF-8 leave as the bytes they are, as with TensorFlow Serving."""
    return Response(json.dumps(content, ensure_ascii=False).encode("utf-8", errors="surrogateescape"), media_type="application/json")


def _error_response(text: str, status: int) -> Response:
    return Response(json.dumps({"error": text}), status, media_type="application/json")
