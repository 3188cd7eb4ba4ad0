"""The REST protocol: predict, classify, regress, status and metadata over HTTP, thin over the core.
An ASGI application."""

import asyncio
import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from google.protobuf import json_format
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from tensorflow_serving.apis import get_model_metadata_pb2

from serving.server.errors import Code, as_answer
from serving.server.inference.admission import Admission, Share
from serving.server.inference.memory import Reclaimer
from serving.server.inference.pieces import check_deadline
from serving.server.inference.predict import Limits
from serving.server.models.deadline import Deadline, within
from serving.server.models.model import Target
from serving.server.models.registry import Models
from serving.server.rest.bodies import (
    TOO_LARGE,
    BodyTooLargeError,
    choose_reader,
    json_response,
    read_body,
    zip_for,
)
from serving.server.rest.calls import answer_call, answer_joined
from serving.server.rest.openapi import describe
from serving.server.rest.routes import READING_VERBS, Call, path_as_sent, read_path
from serving.server.rest.server import GONE
from serving.server.settings import ServerSettings

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
"""HTTP status by canonical code; every other code is 500. Source: the page of TensorFlow Serving's
behaviour, 4.4."""
_ANY_ORIGIN: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}
_NO_TYPE: Final = "text/html; charset=ISO-8859-1"
"""Of an empty answer to OPTIONS. Source: recorded."""


_SMALL: Final = 64 << 10
"""Bytes of a body that is read in the event loop, which answers nobody else meanwhile."""
_LARGE_CALL: Final = 16 << 20
"""Bytes of a call, its values in memory included, after which memory is given back."""
_TOO_LATE: Final = "Timed out waiting for notification"
"""TensorFlow Serving's words."""
_CLIENT_GONE: Final = 499
"""What logs and counters show for it. Source: nginx's own status, which others took over."""


class RestApp:
    """The ASGI application."""

    def __init__(
        self,
        models: Models,
        admission: Admission,
        limits: Limits,
        settings: ServerSettings,
        is_draining: Callable[[], bool],
        *,
        joins: bool,
    ) -> None:
        """Args:
        is_draining: whether the server is about to end; it is not ready then.
        joins: whether calls are joined while the model computes.
        """
        self._joins = joins
        self._models = models
        self._admission = admission
        self._limits = limits
        self._max_body = settings.rest_max_body_bytes
        self._seconds = settings.rest_api_timeout_in_ms / 1000
        self._receive_seconds = settings.rest_receive_seconds
        self._cross_origin = _ANY_ORIGIN if settings.rest_api_enable_cors_support else {}
        self._threads = ThreadPoolExecutor(settings.rest_api_num_threads, thread_name_prefix="rest")
        self._is_draining = is_draining
        self._reclaimer = Reclaimer()
        self._pages: dict[str, Callable[[], Response]] = {
            "/livez": self._live,
            "/readyz": self._ready,
            "/openapi.json": lambda: json_response(describe()),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http", "the server runs with lifespan and websockets off"
        request = Request(scope, receive)
        response = await self._answer(request)
        if scope["path"].lower().startswith("/v1/"):
            response.headers.update(self._cross_origin)
        zip_for(request, response)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            path = path_as_sent(request.scope)
            if request.method in READING_VERBS and path in self._pages:
                return self._pages[path]()
            call = request.state.call = read_path(request.method, path)
            return await self._dispatch(call, request)
        except ClientDisconnect:  # nobody is left to read an answer
            request.state.code = Code.CANCELLED
            return Response(status_code=_CLIENT_GONE)
        except Exception as error:  # noqa: BLE001 - as_answer logs what is not ours
            answer = as_answer(error)
            # Its frames hold the document and, in a circle, the error: the collector alone would
            # free them, and not before other calls make it run.
            error.__traceback__ = None
        request.state.code = answer.code  # for the meter around this protocol
        status = (
            TOO_LARGE
            if isinstance(answer, BodyTooLargeError)
            else HTTP_STATUS.get(answer.code, 500)
        )
        return json_response({"error": answer.text}, status)

    async def _dispatch(self, call: Call, request: Request) -> Response:
        if call.action == "options":
            # A browser's question before a call from another page.
            asked = request.headers.get("origin", "null") != "null"
            return Response(status_code=200 if asked else 400, media_type=_NO_TYPE)
        if call.action == "list":
            return json_response(
                {
                    "models": [
                        {"name": name, **self._status(Target(name))}
                        for name in self._models.names()
                    ]
                }
            )
        if call.action == "status":
            return json_response(self._status(call.target))
        if call.action == "metadata":
            return self._metadata(call.target)
        return await self._infer(call, request)

    async def _infer(self, call: Call, request: Request) -> Response:
        share = Share(self._admission.budget)
        try:
            body = await self._receive(request, share)
            state = request.scope["state"]
            deadline = Deadline(time.monotonic() + self._seconds, lambda: not state.get(GONE))
            reader = choose_reader(call.action, request)
            read = functools.cache(lambda: reader(body, share.add))  # once, whoever answers
            async with within(self._seconds, _TOO_LATE):
                response = await self._join(call, len(body), read, deadline)
            if response is not None:
                share.release()
                return response
            working = self._threads.submit(self._compute, call, read, deadline)
        except BaseException:
            share.release()
            raise
        working.add_done_callback(lambda _: self._release(share))
        async with within(deadline.at - time.monotonic(), _TOO_LATE):
            return await asyncio.wrap_future(working)

    async def _join(
        self, call: Call, size: int, read: Callable[[], dict[str, Any]], deadline: Deadline
    ) -> Response | None:
        """Answer without a thread; None for a call that is not joined with others."""
        if not self._joins or call.action != "predict" or size > _SMALL:
            return None
        # Where calls are joined, admission refuses but never waits: the loop goes on.
        with self._admission.admit(self._seconds):
            return await answer_joined(self._models, call.target, read(), self._limits, deadline)

    def _release(self, share: Share) -> None:
        if share.release() >= _LARGE_CALL:
            self._reclaimer.request()

    async def _receive(self, request: Request, share: Share) -> bytes:
        text = (
            f"Expected the whole body within {self._receive_seconds:g} s; received a part; send it "
            "faster"
        )
        async with within(self._receive_seconds, text):
            return await read_body(request, self._max_body, share.add)

    def _compute(
        self, call: Call, read: Callable[[], dict[str, Any]], deadline: Deadline
    ) -> Response:
        with self._admission.admit(self._seconds):
            check_deadline(deadline)
            document = read()
            return answer_call(self._models, call, document, self._limits, deadline)

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

    def _metadata(self, target: Target) -> Response:
        with self._models.lease(target) as version:
            signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=version.definitions)
            fields = json_format.MessageToDict(
                signatures,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            spec = {"name": version.model, "version": str(version.number), "signature_name": ""}
            return json_response(
                {"model_spec": spec, "metadata": {"signature_def": fields}}, version=version.number
            )

    def _live(self) -> Response:
        return json_response({"live": True})

    def _ready(self) -> Response:
        """Ready for calls: every model has a version that answers, and the server is not about to
        end."""
        models = {name: bool(self._models.available(name)) for name in self._models.names()}
        ready = all(models.values()) and not self._is_draining()
        return json_response(
            {"ready": ready, "models": models}, 200 if ready else HTTP_STATUS[Code.UNAVAILABLE]
        )
