"""What of Gradio is reachable: the page, its assets, and its own questions. Everything else is not
found.

Gradio opens some seventy routes (uploads, files and web addresses fetched for a caller, recordings,
run history, ...) and looks for files and web addresses inside every question. The list here says
what is open, so a route that a later Gradio adds is closed.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.drawing import MAX_CHARACTERS

_NAME: Final = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"
"""One step of a path; never begins with a dot, so no path climbs."""
_OPEN: Final = {
    "GET": re.compile(
        r"/|/config|/theme\.css|/favicon\.ico"
        rf"|/(assets|static)(/{_NAME})+"
        rf"|/gradio_api/(app_id|queue/data|heartbeat/{_NAME})"
    ),
    "HEAD": re.compile(r"/"),
    "POST": re.compile(r"/gradio_api/queue/join"),
}
_LARGEST_BODY: Final = MAX_CHARACTERS + 4096
"""Bytes of a question: the largest drawing and the fields that Gradio sends around it."""


class Question(BaseModel):
    """The part of a question that could do harm: no objects among its values, so no files and no
    web addresses."""

    data: list[str | float | bool | None]
    fn_index: Annotated[int, Field(ge=0)]


class Gate:
    """Lets through what the page needs; answers 404, 411, 413 or 422 to everything else."""

    def __init__(self, app: ASGIApp, inputs: Sequence[int]) -> None:
        """Stand before `app`, whose page has as many event listeners, each with so many inputs."""
        self._app = app
        self._inputs = tuple(inputs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; see the ASGI specification."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        refusal = _refuse(request)
        if refusal is None and request.method == "POST":
            body = await request.body()
            refusal = self._refuse_question(body)
            receive = _replay(body, receive)
        await (refusal or self._app)(scope, receive, send)

    def _refuse_question(self, body: bytes) -> PlainTextResponse | None:
        try:
            question = Question.model_validate_json(body)
            known = (
                question.fn_index < len(self._inputs)
                and len(question.data) == self._inputs[question.fn_index]
            )
        except ValidationError:
            known = False
        return (
            None
            if known
            else PlainTextResponse("This is not a question of this page.", status_code=422)
        )


def _refuse(request: Request) -> PlainTextResponse | None:
    known = _OPEN.get(request.method)
    if known is None or not known.fullmatch(request.url.path):
        return PlainTextResponse("Not found.", status_code=404)
    if request.method != "POST":
        return None
    length = request.headers.get("content-length", "")
    if not re.fullmatch("[0-9]{1,18}", length):
        return PlainTextResponse("The request must say its length.", status_code=411)
    if int(length) > _LARGEST_BODY:
        return PlainTextResponse("The request is too large.", status_code=413)
    return None


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give `body`, which was read here, to the application too; then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message
