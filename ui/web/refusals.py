"""What a request that is not passed on is answered with."""

from typing import Final

from starlette.responses import PlainTextResponse


class RefusedError(Exception):
    """A request is not passed on."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self._status = status
        self._sentence = sentence

    def to_response(self) -> PlainTextResponse:
        """As HTTP. After 408 the rest of the body may come, so the connection is closed."""
        headers = {"connection": "close"} if self._status == 408 else None  # noqa: PLR2004
        return PlainTextResponse(self._sentence, status_code=self._status, headers=headers)


BUSY: Final = RefusedError(503, "Too many people ask at once. Try again in a moment.")
