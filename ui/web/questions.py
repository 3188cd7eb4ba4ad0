"""The questions of the page's visitors: received within limits, then passed on in fair order."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Annotated, Final

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Send

from ui.web.refusals import BUSY, RefusedError
from ui.web.sessions import SESSION, Sessions
from ui.web.shares import Shares, ending, sender
from ui.web.turns import Turns

RECEIVE_SECONDS: Final = 20.0
"""Longest time that the body of a question may take to arrive."""
_WAIT_SECONDS: Final = 60.0
"""Longest wait for a turn."""
_MOST: Final = 64
"""Questions that are received or wait for their turn; each may have a picture of 4 MiB."""
_STRANGE: Final = RefusedError(422, "This is not a question of this page.")


class Question(BaseModel):
    """The part of a question that could do harm: no objects among its values, so no files and no
    web addresses."""

    data: list[str | float | bool | None]
    fn_index: Annotated[int, Field(ge=0)]
    session_hash: Annotated[str, Field(pattern=f"^{SESSION}$")]


class Questions:
    """Passes questions on to Gradio."""

    def __init__(self, app: ASGIApp, inputs: Sequence[int], sessions: Sessions) -> None:
        """Stand before `app`, whose page has as many event listeners, each with so many inputs."""
        self._app = app
        self._inputs = tuple(inputs)
        self._sessions = sessions
        self._places = Shares(_MOST)
        self._turns = Turns(sessions.count_queued)

    async def ask(self, request: Request, send: Send) -> None:
        """Pass on a question of this page; nothing happens if its sender has gone meanwhile.

        Raises:
            RefusedError: it is not one, came too slowly, or others of this address wait.
        """
        address = sender(request)
        async with AsyncExitStack() as turn:
            try:
                question, body = await self._wait(request, address, turn)
            except ClientDisconnect:
                return
            if not await request.is_disconnected():
                await self._sessions.admit(question.session_hash, address)
                await self._app(request.scope, _replay(body, request.receive), send)

    async def _wait(
        self, request: Request, address: str, turn: AsyncExitStack
    ) -> tuple[Question, bytes]:
        """Receive a question, and enter its turn."""
        limit = asyncio.timeout(RECEIVE_SECONDS)
        held = self._places.take(address, ending(limit))
        if held is None:
            raise BUSY
        late = RefusedError(408, "The request took too long to arrive.")
        try:
            async with limit:
                body = await request.body()
                question, late = self._read(body), BUSY
                limit.reschedule(asyncio.get_running_loop().time() + _WAIT_SECONDS)
                await turn.enter_async_context(self._turns.take(question.fn_index, address))
        except TimeoutError:
            raise (late if self._places.holds(held) else BUSY) from None
        finally:
            self._places.give_back(held)
        return question, body

    def _read(self, body: bytes) -> Question:
        try:
            question = Question.model_validate_json(body)
        except ValidationError:
            raise _STRANGE from None
        index, count = question.fn_index, len(question.data)
        if index >= len(self._inputs) or count != self._inputs[index]:
            raise _STRANGE
        return question


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give `body`, which was read here, to the application too; then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message
