"""What the server answers instead of a result. Each has a canonical status code; both protocols
translate it.

    ServingError
    ├── InvalidArgumentError     INVALID_ARGUMENT      the request cannot be understood or does not
    fit the signature ├── UnknownSignatureError    FAILED_PRECONDITION   the model has no signature
    of that name ├── FailedPreconditionError  FAILED_PRECONDITION   the request is right, the server
    is not where it must be for it ├── PermissionDeniedError    PERMISSION_DENIED     the server was
    not started to allow this ├── NotFoundError            NOT_FOUND             no such model, or
    not that version ├── OverloadedError          RESOURCE_EXHAUSTED    too many calls at once
    ├── DeadlineError            DEADLINE_EXCEEDED     the caller's time ran out before the call
    began ├── UnimplementedError       UNIMPLEMENTED         part of the API that this server does
    not offer ├── KernelError              whatever TensorFlow says, without names of nodes and
    files └── InternalError            INTERNAL              a fault of ours; the log has the story
    under its id

`VersionRefusedError` stands apart: it is never an answer, it becomes a version's state.
"""

import logging
import re
import secrets
from enum import IntEnum
from typing import Final

_log = logging.getLogger(__name__)


class Code(IntEnum):
    """Canonical status codes. Source: google/rpc/code.proto."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class ServingError(Exception):
    """An answer that is not a result. `text` goes to the caller as it is."""

    code = Code.UNKNOWN

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class InvalidArgumentError(ServingError):
    """The request cannot be understood, or does not fit the signature."""

    code = Code.INVALID_ARGUMENT


class UnknownSignatureError(ServingError):
    """The model has no signature of that name."""

    code = Code.FAILED_PRECONDITION

    def __init__(self, name: str) -> None:
        super().__init__(f'Serving signature key "{name}" not found.')
        self.name = name


class FailedPreconditionError(ServingError):
    """The request is right, but the server is not in the state that it needs."""

    code = Code.FAILED_PRECONDITION


class PermissionDeniedError(ServingError):
    """The server was not started to allow this."""

    code = Code.PERMISSION_DENIED


class NotFoundError(ServingError):
    """No such model, or not that version of it."""

    code = Code.NOT_FOUND


class OverloadedError(ServingError):
    """As many calls as the server takes are already running and waiting."""

    code = Code.RESOURCE_EXHAUSTED


class DeadlineError(ServingError):
    """The caller's time ran out before the call began."""

    code = Code.DEADLINE_EXCEEDED


class CancelledError(ServingError):
    """The caller has gone; nobody reads this answer."""

    code = Code.CANCELLED


class UnimplementedError(ServingError):
    """A part of the API that this server does not offer."""

    code = Code.UNIMPLEMENTED


class KernelError(ServingError):
    """TensorFlow refused to compute; the code is TensorFlow's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(plain(message))
        self.code = Code(code)


class InternalError(ServingError):
    """A fault of ours. The caller gets an id, the log gets the story."""

    code = Code.INTERNAL


class VersionRefusedError(Exception):
    """A version that will not be served; `text` names no path, for GetModelStatus shows it to
    anyone."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def as_answer(error: Exception) -> ServingError:
    """The answer for anything that was raised while a call was worked on; what is not ours is
    logged under an id."""
    if isinstance(error, ServingError):
        return error
    ticket = secrets.token_hex(4)
    _log.error("fault %s while answering a call", ticket, exc_info=error)
    return InternalError(f"internal error {ticket}; the server's log tells more under this id")


_NODE_REFERENCE: Final = re.compile(
    r"^\{\{function_node [^}]*\}\} |(?<!\s)\s*\[(?:\[|Op:).*", re.DOTALL
)
_NODE_OR_PATH: Final = re.compile(r"(?<![^\s'\"(])[^\s'\"(]*/[^\s'\")]+")
_PREAMBLE: Final = "Graph execution error:"
_TRACE_ABSENT: Final = "<stack traces unavailable>\n"


def plain(message: str) -> str:
    """What a TensorFlow error says to a person: one line, without nodes, files and stack traces.

    Its long form is a preamble, the trace of the Python code that built the graph (or a note that
    there is none), an empty line where there was one, the message, then `[[{{node …}}]] [Op:…]`.
    """
    text = _NODE_REFERENCE.sub("", message)
    if text.startswith(_PREAMBLE):
        text = (
            text.rpartition(_TRACE_ABSENT)[2]
            if _TRACE_ABSENT in text
            else text.rpartition("\n\n")[2]
        )
    line = text.strip().partition("\n")[0]
    return _NODE_OR_PATH.sub("…", line) or "The model could not compute this."
