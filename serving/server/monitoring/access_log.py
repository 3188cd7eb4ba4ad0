"""One JSON line for every call, on stderr: who was asked what, by which protocol, how it ended, how
long it took."""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import grpc
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class AccessLog:
    """Writes the lines."""

    def __init__(self) -> None:
        self._stream = sys.stderr

    def write(self, protocol: str, call: str, code: str, began: float, **more: object) -> None:
        """Args: began: `time.perf_counter()` at the call's start."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "protocol": protocol,
            "call": call,
            "code": code,
            "ms": round((time.perf_counter() - began) * 1000, 3),
            **more,
        }
        # One write a line, so that threads do not mix theirs.
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()


class GrpcAccessLog(grpc.ServerInterceptor):
    """Around every gRPC call that has one request and one reply."""

    def __init__(self, log: AccessLog) -> None:
        self._log = log

    def intercept_service(
        self, continuation: Callable[..., Any], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """Put the line around the method's own handler."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        logged = partial(self._call, handler_call_details.method, handler.unary_unary)
        return grpc.unary_unary_rpc_method_handler(
            logged, handler.request_deserializer, handler.response_serializer
        )

    def _call(
        self, name: str, method: Callable[..., Any], request: Any, context: grpc.ServicerContext
    ) -> Any:
        began = time.perf_counter()
        reply = None
        try:
            reply = method(request, context)
            return reply
        finally:
            status: grpc.StatusCode | None = context.code()  # type: ignore[attr-defined] # set by abort; absent from the stubs
            code = "OK" if status is None else status.name
            self._log.write(
                "grpc",
                name,
                code,
                began,
                peer=context.peer(),
                model=_model(request),
                version=_version(reply),
            )


def _model(request: object) -> str:
    return str(getattr(getattr(request, "model_spec", None), "name", ""))


def _version(reply: object) -> int | None:
    spec: Any = getattr(reply, "model_spec", None)
    return int(spec.version.value) if spec is not None else None


class RestAccessLog:
    """Around an ASGI application."""

    def __init__(self, app: ASGIApp, log: AccessLog) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, then write the line."""
        began = time.perf_counter()
        seen: dict[str, Any] = {}

        async def send_and_see(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = dict(message.get("headers", ()))
                seen.update(status=message["status"], version=headers.get(b"model-version"))
            await send(message)

        await self._app(scope, receive, send_and_see)
        call = scope.get("state", {}).get("call")
        version = seen.get("version")
        self._log.write(
            "rest",
            f"{scope['method']} {scope['path']}",
            str(seen.get("status", "")),
            began,
            peer=":".join(map(str, scope.get("client") or ())),
            model=call.target.model if call else "",
            version=int(version) if version else None,
        )
