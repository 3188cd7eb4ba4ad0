"""The question of the page as code, for "As code": what asks this page's model on its server.

The page puts the drawing into it; see pad/take.js.
"""

import json
import shlex
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from serving.client.checks import split_server

_NO_REST: Final = "REST_ADDRESS:8501"
"""Stands for the REST address of a server that the page asks over gRPC."""


@dataclass(frozen=True)
class Snippets:
    """The parts that depend on the page's settings."""

    url: str
    """Of the REST request, quoted for a shell."""
    connect: str
    """Arguments of `serving.client.connect`, as Python."""
    note: str
    """What a person has to put in, or to know."""

    def to_json(self) -> str:
        """As the page's script reads it."""
        return json.dumps(vars(self))


def snippets(server: str, model: str, *, has_access: bool = False) -> Snippets:
    """How another program asks the same model.

    Args:
        server: address that the page asks, see `serving.client.connect`.
        model: name of the model there.
        has_access: whether the page sends certificates or headers; they are never shown.
    """
    address = split_server(server)
    is_rest = address.protocol == "rest"
    place = address.place if is_rest else _NO_REST
    scheme = "https" if address.tls else "http"
    url = f"{scheme}://{place}/v1/models/{quote(model, safe='')}:predict"
    notes = ["The addresses are as seen from the machine that serves this page."]
    if not is_rest:
        notes.append(f"It asks over gRPC: put the server's REST address in place of {_NO_REST}.")
    if has_access:
        notes.append("Add the certificates or headers that the server asks for.")
    return Snippets(shlex.quote(url), f"{server!r}, model={model!r}", " ".join(notes))
