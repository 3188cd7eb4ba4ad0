"""The paths of the REST API: what is asked of which model.

Source: TensorFlow Serving's own patterns, as recorded answers show them; letters of the fixed parts
may be of either case, and a query string belongs to the model's name or makes the path malformed.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from starlette.types import Scope

from serving.server.errors import InvalidArgumentError, NotFoundError, UnimplementedError
from serving.server.models.model import Target

_API: Final = re.compile(r"/v1/.*", re.IGNORECASE | re.DOTALL)
_WHO: Final = (
    r"/v1/models/(?P<model>[^/:]+)(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
)
_POST: Final = re.compile(_WHO + r":(?P<action>[^/:?]+)", re.IGNORECASE)
_GET: Final = re.compile(_WHO + r"(?:/(?P<action>metadata))?", re.IGNORECASE)
_LIST: Final = re.compile(r"/v1/models", re.IGNORECASE)
_ACTIONS: Final = ("predict", "classify", "regress")
_VERBS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT")
"""Those that TensorFlow Serving's HTTP library knows; it answers 501 to others, TRACE too."""
READING_VERBS: Final = ("GET", "HEAD")
_ABSOLUTE: Final = re.compile(r"https?://[^/]*", re.IGNORECASE)
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9a-fA-F]{2})")
_LARGEST_VERSION: Final = (1 << 63) - 1


@dataclass(frozen=True)
class Call:
    """One REST call: `predict`, `classify`, `regress`, `metadata`, `status`, `list` or
    `options`."""

    action: str
    target: Target


def read_path(verb: str, path: str) -> Call:
    """Understand a request line.

    Args:
        verb: the HTTP method.
        path: path and query as sent, not decoded.

    Raises:
        NotFoundError: a path outside the API.
        InvalidArgumentError: a path or verb the API does not have.
        UnimplementedError: a verb that this server does not know.
    """
    if verb not in _VERBS:
        raise UnimplementedError(f"Unknown HTTP method: {verb}")
    path = _ABSOLUTE.sub("", path, count=1) if not path.startswith("/") else path
    if not _API.fullmatch(path):
        raise NotFoundError(f"Not found: {verb} {path}")
    if verb == "OPTIONS":
        return Call("options", Target(""))
    malformed = InvalidArgumentError(f"Malformed request: {verb} {path}")
    if verb in READING_VERBS:
        if _LIST.fullmatch(path):
            return Call("list", Target(""))
        match, default = _GET.fullmatch(path), "status"
    elif verb == "POST":
        match, default = _POST.fullmatch(path), ""
    else:
        raise malformed
    if match is None or _BROKEN_ESCAPE.search(path):
        raise malformed
    action = match["action"] or default
    if verb == "POST" and action not in _ACTIONS:
        raise malformed
    return Call(action.lower(), _read_target(match))


def _read_target(match: re.Match[str]) -> Target:
    version = None if match["version"] is None else _read_version(match["version"])
    return Target(unquote(match["model"]), version, unquote(match["label"] or ""))


def _read_version(text: str) -> int:
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(_LARGEST_VERSION)) or int(digits) > _LARGEST_VERSION:
        raise InvalidArgumentError(f"Failed to convert version: {text} to numeric.")
    return int(digits)


def path_as_sent(scope: Scope) -> str:
    """Path and query of a request, not decoded."""
    query = scope["query_string"]
    return str((scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1"))
