"""The page's document: what Gradio writes, with link previews that are ours."""

import re
from html import escape
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_THEIRS: Final = re.compile(rb'\s*<meta\s+(property="og:|name="twitter:)[^>]*>')
_HEAD: Final = b"</head>"


class Document:
    """Serves `app`; puts our tags into the head of its document."""

    def __init__(self, app: ASGIApp, title: str, description: str, modules: list[str]) -> None:
        """Args: modules: scripts that the browser may load before it knows of them."""
        self._app = app
        self._title = escape(title)
        self._description = escape(description)
        self._modules = "".join(f'<link rel="modulepreload" href="{one}">' for one in modules)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; see the ASGI specification."""
        if scope["type"] != "http" or scope["path"] != "/":
            await self._app(scope, receive, send)
            return
        started: list[Message] = []
        body = bytearray()
        icon = f"{scope['scheme']}://{Headers(scope=scope).get('host', '')}/favicon.ico"

        async def send_changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                await self._send(started[0], bytes(body), icon, send)

        await self._app(_plain(scope), receive, send_changed)

    async def _send(self, start: Message, body: bytes, icon: str, send: Send) -> None:
        changed = _THEIRS.sub(b"", body).replace(_HEAD, self._tags(icon).encode() + _HEAD, 1)
        headers = MutableHeaders(raw=list(start["headers"]))
        if body:  # none for HEAD
            headers["content-length"] = str(len(changed))
        await send({**start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": changed if body else b""})

    def _tags(self, icon: str) -> str:
        return (
            f'<meta name="description" content="{self._description}">'
            f'<meta property="og:type" content="website">'
            f'<meta property="og:title" content="{self._title}">'
            f'<meta property="og:description" content="{self._description}">'
            f'<meta property="og:image" content="{escape(icon)}">'
            f'<meta name="twitter:card" content="summary">{self._modules}'
        )


def _plain(scope: Scope) -> Scope:
    """The same request by a client that takes no compressed answer, so that it can be changed."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    return {**scope, "headers": headers}
