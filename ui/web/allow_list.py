"""The allow-list: what of Gradio is reachable. The page, its assets, and its own questions;
everything else is not found.

Gradio opens some seventy routes (uploads, files and web addresses fetched for a caller, recordings,
run history, ...) and looks for files and web addresses inside every question. The list here says
what is open, so a route that a later Gradio adds is closed.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated, Final

from gradio.server_messages import CloseStreamMessage
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.answers.drawing import MAX_CHARACTERS
from ui.web.origin import Origins
from ui.web.sessions import Sessions

_NAME: Final = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"
"""One step of a path; never begins with a dot, so no path climbs."""
_SESSION: Final = "[A-Za-z0-9]{1,32}"
"""What Gradio's script calls a browser tab."""
_COLLECT: Final = "/gradio_api/queue/data"
_OPEN: Final = {
    "GET": re.compile(
        r"/|/config|/theme\.css|/favicon\.ico"
        rf"|/(assets|static)(/{_NAME})+|/pad/[a-z]+\.js"
        rf"|{_COLLECT}|/gradio_api/(app_id|heartbeat/{_SESSION})"
    ),
    "HEAD": re.compile(r"/"),
    "POST": re.compile(r"/gradio_api/queue/join"),
}
_END: Final = f"data: {CloseStreamMessage().model_dump_json()}\n\n"
"""What Gradio says at the end of a session's answers."""
_LARGEST_BODY: Final = MAX_CHARACTERS + 4096
"""Bytes of a question: the largest drawing and the fields that Gradio sends around it."""
RECEIVE_SECONDS: Final = 20.0
"""Longest time that the body of a question may take to arrive."""


class Question(BaseModel):
    """The part of a question that could do harm: no objects among its values, so no files and no
    web addresses."""

    data: list[str | float | bool | None]
    fn_index: Annotated[int, Field(ge=0)]
    session_hash: Annotated[str, Field(pattern=f"^{_SESSION}$")]


class AllowList:
    """Passes on what the page needs; answers 4xx to everything else."""

    def __init__(
        self,
        app: ASGIApp,
        inputs: Sequence[int],
        origins: Origins,
        sessions: Sessions,
        receive_seconds: float = RECEIVE_SECONDS,
    ) -> None:
        """Stand before `app`, whose page has as many event listeners, each with so many inputs."""
        self._app = app
        self._inputs = tuple(inputs)
        self._origins = origins
        self._sessions = sessions
        self._seconds = receive_seconds

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
        refusal = self._refuse(request)
        if refusal is not None:
            await refusal(scope, receive, send)
        elif request.method == "POST":
            await self._ask(request, send)
        elif scope["path"] == _COLLECT:
            await self._collect(request, send)
        else:
            await self._app(scope, receive, send)

    def _refuse(self, request: Request) -> PlainTextResponse | None:
        foreign = self._origins.refuse(request.headers)
        if foreign is not None:
            status, sentence = foreign
            return _refusal(status, sentence)
        path = bytes(request.scope["raw_path"]).decode("ascii", "replace")
        known = _OPEN.get(request.method)
        if known is None or not known.fullmatch(path):
            return _refusal(404, "Not found.")
        return _refuse_length(request) if request.method == "POST" else None

    async def _ask(self, request: Request, send: Send) -> None:
        """Pass on a question of this page that arrives in time."""
        try:
            async with asyncio.timeout(self._seconds):
                body = await request.body()
        except ClientDisconnect:
            return
        except TimeoutError:
            refusal = _refusal(408, "The request took too long to arrive.", close=True)
            await refusal(request.scope, request.receive, send)
            return
        refused = await self._refuse_question(body)
        app = self._app if refused is None else refused
        await app(request.scope, _replay(body, request.receive), send)

    async def _refuse_question(self, body: bytes) -> PlainTextResponse | None:
        try:
            question = Question.model_validate_json(body)
        except ValidationError:
            return _refusal(422, "This is not a question of this page.")
        index, count = question.fn_index, len(question.data)
        if index >= len(self._inputs) or count != self._inputs[index]:
            return _refusal(422, "This is not a question of this page.")
        if not await self._sessions.admit(question.session_hash):
            return _refusal(503, "Too many people ask at once. Try again in a moment.")
        return None

    async def _collect(self, request: Request, send: Send) -> None:
        """Pass on the answers of one session.

        Two questions asked at once are answered in one stream. Where it ends before the browser
        has the confirmation of the second, Gradio's script opens one more: it is empty.
        """
        session = request.query_params.get("session_hash", "")
        if self._sessions.is_known(session):
            async with self._sessions.collecting(session):
                await self._app(request.scope, request.receive, send)
        elif self._sessions.is_complete(session):
            end = PlainTextResponse(_END, media_type="text/event-stream")
            await end(request.scope, request.receive, send)
        else:
            await _refusal(404, "Nothing was asked.")(request.scope, request.receive, send)


def _refuse_length(request: Request) -> PlainTextResponse | None:
    length = request.headers.get("content-length", "")
    if not re.fullmatch("[0-9]{1,18}", length):
        return _refusal(411, "The request must say its length.")
    if int(length) > _LARGEST_BODY:
        return _refusal(413, "The request is too large.")
    return None


def _refusal(status: int, sentence: str, *, close: bool = False) -> PlainTextResponse:
    return PlainTextResponse(
        sentence, status_code=status, headers={"connection": "close"} if close else None
    )


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


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give `body`, which was read here, to the application too; then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message
