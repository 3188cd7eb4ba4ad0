"""Errors of the client. Each text says what was expected, what was received, and what to do.

ClientError
├── UnavailableError        no server answers there, or it cannot answer at the moment; the only one
worth an automatic retry ├── NotFoundError           the server answers, but serves no such model or
version (yet) ├── DeadlineExceededError   the answer did not come in time
├── InvalidRequestError     the request was refused, before it was sent or by the server
│   └── TooManyDigitsError  a picture has more marks than a number can have digits
├── ContractMismatchError   the model that is served is not one of ours
└── ServerFailedError       the server failed, is at its limits, or its answer makes no sense

Catch `ClientError` for all of them:

    try:
        predictions = client.predict(images)
    except serving.client.ClientError as error:
        print(error)
"""

from typing import Final

_LONGEST_QUOTE: Final = 400
"""Characters of the server's own words that go into a text."""


class ClientError(Exception):
    """Anything that kept a request from its answer."""


class UnavailableError(ClientError):
    """No server answers at the address, or it cannot answer at the moment."""


class NotFoundError(ClientError):
    """The server answers, but serves no such model or version (yet)."""


class DeadlineExceededError(ClientError):
    """The answer did not come within the deadline."""


class InvalidRequestError(ClientError):
    """The request was refused, before it was sent or by the server."""


class TooManyDigitsError(InvalidRequestError):
    """A picture has more marks than a number can have digits."""


class ContractMismatchError(ClientError):
    """The model that is served does not have the contract's signatures."""


class ServerFailedError(ClientError):
    """The server failed, is at its limits, or its answer makes no sense."""


_ANY_OTHER: Final = (
    ServerFailedError,
    "expected an answer from {server}; received a failure ({code}: {said}); look into the "
    "server's log, then try again",
)
_REFUSED: Final = (
    InvalidRequestError,
    "expected a request that {server} accepts; received its refusal ({code}: {said}); fix the "
    "request, or check which model is served",
)
_MEANINGS: Final[dict[str, tuple[type[ClientError], str]]] = {
    "UNAVAILABLE": (
        UnavailableError,
        "expected a server at {server}; received no answer from it ({said}); check that it runs "
        "and that the address is right",
    ),
    "NOT_FOUND": (
        NotFoundError,
        "expected model '{model}' at {server}; received from the server: {said}; check the "
        "model's name, or wait until a version is loaded",
    ),
    "DEADLINE_EXCEEDED": (
        DeadlineExceededError,
        "expected an answer from {server} within the deadline; received none in time ({said}); "
        "it is slow or overloaded: send less at once or allow a longer deadline",
    ),
    "RESOURCE_EXHAUSTED": (
        ServerFailedError,
        "expected an answer from {server}; received that one of its limits is reached ({said}); "
        "send less at once, or try again later",
    ),
    "INVALID_ARGUMENT": _REFUSED,
    "FAILED_PRECONDITION": _REFUSED,
    "OUT_OF_RANGE": _REFUSED,
}
"""What each status code means for the caller. REST statuses are turned into these codes first."""


def from_code(code: str, said: str, *, server: str, model: str) -> ClientError:
    """Make the error for a status code, whichever protocol it came through.

    Args:
        code: name of a gRPC status code, such as `NOT_FOUND`.
        said: the server's or the network's own words; only the beginning is kept.
        server: address as the user gave it.
        model: name of the model asked for.
    """
    error, sentence = _MEANINGS.get(code, _ANY_OTHER)
    return error(sentence.format(code=code, said=_shorten(said), server=server, model=model))


def _shorten(said: str) -> str:
    line = " ".join(said.split()) or "no reason given"
    return line if len(line) <= _LONGEST_QUOTE else line[:_LONGEST_QUOTE] + "…"
