"""The allow-list: what of Gradio is reachable. The page, its assets, and its own questions;
everything else is not found.

Gradio opens some seventy routes (uploads, files and web addresses fetched for a caller, recordings,
run history, ...) and looks for files and web addresses inside every question. The list here says
what is open, so a route that a later Gradio adds is closed.
"""

import re
from collections.abc import Sequence
from typing import Final

from gradio.server_messages import CloseStreamMessage
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.answers.drawing import MAX_CHARACTERS
from ui.web.origin import Origins
from ui.web.questions import Questions
from ui.web.refusals import BUSY, RefusedError
from ui.web.sessions import SESSION, Sessions
from ui.web.shares import sender

_NAME: Final = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"
"""One step of a path; never begins with a dot, so no path climbs."""
_COLLECT: Final = "/gradio_api/queue/data"
_OPEN: Final = {
    "GET": re.compile(
        r"/|/config|/theme\.css|/favicon\.ico"
        rf"|/(assets|static)(/{_NAME})+|/pad/[a-z]+\.js"
        rf"|{_COLLECT}|/gradio_api/(app_id|heartbeat/{SESSION})"
    ),
    "HEAD": re.compile(r"/"),
    "POST": re.compile(r"/gradio_api/queue/join"),
}
_END: Final = f"data: {CloseStreamMessage().model_dump_json()}\n\n"
"""What Gradio says at the end of a session's answers."""
_LARGEST_BODY: Final = MAX_CHARACTERS + 4096
"""Bytes of a question: the largest drawing and the fields that Gradio sends around it."""


class AllowList:
    """Passes on what the page needs; answers 4xx to everything else."""

    def __init__(
        self, app: ASGIApp, inputs: Sequence[int], origins: Origins, sessions: Sessions
    ) -> None:
        """Stand before `app`, whose page has as many event listeners, each with so many inputs."""
        self._app = app
        self._questions = Questions(app, inputs, sessions)
        self._origins = origins
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; see the ASGI specification."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, _without_cors(send))
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            self._check(request)
            await self._answer(request, send)
        except RefusedError as refused:
            await refused.to_response()(scope, receive, send)

    async def _answer(self, request: Request, send: Send) -> None:
        if request.method == "POST":
            await self._questions.ask(request, send)
        elif request.scope["path"] == _COLLECT:
            await self._collect(request, send)
        else:
            await self._app(request.scope, request.receive, send)

    def _check(self, request: Request) -> None:
        foreign = self._origins.refuse(request.headers)
        if foreign is not None:
            raise RefusedError(*foreign)
        path = bytes(request.scope["raw_path"]).decode("ascii", "replace")
        known = _OPEN.get(request.method)
        if known is None or not known.fullmatch(path):
            raise RefusedError(404, "Not found.")
        if request.method == "POST":
            _check_length(request)

    async def _collect(self, request: Request, send: Send) -> None:
        """Pass on the answers of one session.

        Two questions asked at once are answered in one stream. Where it ends before the browser
        has the confirmation of the second, Gradio's script opens one more: it is empty.
        """
        session = request.query_params.get("session_hash", "")
        if self._sessions.is_known(session):
            reply = _Reply(send)
            async with self._sessions.collecting(session, sender(request)):
                await self._app(request.scope, request.receive, reply.send)
            await reply.finish()
        elif self._sessions.is_complete(session):
            end = PlainTextResponse(_END, media_type="text/event-stream")
            await end(request.scope, request.receive, send)
        else:
            raise RefusedError(404, "Nothing was asked.")


class _Reply:
    """Passes on the parts of a reply, and finishes one that was cut off."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_begun = self._is_whole = False

    async def send(self, message: Message) -> None:
        self._is_begun = True
        self._is_whole = message["type"] == "http.response.body" and not message.get("more_body")
        await self._send(message)

    async def finish(self) -> None:
        if not self._is_begun:
            raise BUSY
        if not self._is_whole:
            await self._send({"type": "http.response.body", "body": b""})


def _check_length(request: Request) -> None:
    length = request.headers.get("content-length", "")
    if not re.fullmatch("[0-9]{1,18}", length):
        raise RefusedError(411, "The request must say its length.")
    if int(length) > _LARGEST_BODY:
        raise RefusedError(413, "The request is too large.")


def _without_cors(send: Send) -> Send:
    """Gradio lets pages of other addresses read its answers; here none may."""

    async def send_ours(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                (name, value)
                for name, value in message.get("headers", ())
                if not bytes(name).lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": headers}
        await send(message)

    return send_ours
