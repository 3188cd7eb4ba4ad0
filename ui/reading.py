"""From a drawing to what the page says about it: an answer, or one plain sentence."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from digits.contract import Problem
from serving.client import Client, Drawing
from serving.client.errors import (
    ClientError,
    ContractMismatchError,
    DeadlineExceededError,
    InvalidRequestError,
    NotFoundError,
    UnavailableError,
)
from ui.drawing import decode
from ui.errors import DrawingError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """The model read the drawing."""

    drawing: Drawing
    milliseconds: float
    """From asking the model server to its answer."""


@dataclass(frozen=True)
class Notice:
    """There is no answer, and this is why."""

    sentence: str
    retry: bool
    """True while something is wrong that may mend itself, so the page asks again."""


Outcome = Answer | Notice

NOTHING_DRAWN: Final = Notice("Nothing is drawn yet. Draw a digit and it is read.", retry=False)
_AGAIN: Final = "This page keeps your drawing and tries again by itself."
AWAY: Final = Notice(f"The model server is away. {_AGAIN}", retry=True)
SLOW: Final = Notice(f"The model server takes too long to answer. {_AGAIN}", retry=True)
NOT_LOADED: Final = Notice(f"The model server is up, but has not loaded this model yet. {_AGAIN}", retry=True)
WRONG_CONTRACT: Final = Notice(f"The model that is served does not fit this page. {_AGAIN}", retry=True)
SERVER_FAILED: Final = Notice(f"The model server failed on this question. {_AGAIN}", retry=True)
PAGE_FAILED: Final = Notice(f"Something went wrong in this page; its log says what. {_AGAIN}", retry=True)
REFUSED: Final = Notice("The model server refused this drawing. Clear it and draw again.", retry=False)

_NOTICES: Final[tuple[tuple[type[ClientError], Notice], ...]] = (
    (UnavailableError, AWAY),
    (DeadlineExceededError, SLOW),
    (NotFoundError, NOT_LOADED),
    (ContractMismatchError, WRONG_CONTRACT),
    (InvalidRequestError, REFUSED),
    (ClientError, SERVER_FAILED),
)
"""The first whose type fits speaks."""


def read(client: Client, drawing: object, clock: Callable[[], float] = time.perf_counter) -> Outcome:
    """Ask the model server what `drawing` is.

    Args:
        client: of the model server.
        drawing: untrusted, as the browser sent it; see `ui.drawing`.
        clock: seconds of a clock that never goes back.

    Returns:
        The answer, or the sentence to show instead. Never raises: no traceback may reach the page.
    """
    try:
        png = decode(drawing)
        if not png:
            client.check_contract()
            return NOTHING_DRAWN
        asked = clock()
        [answer] = client.read([png])
        return _judge(answer, (clock() - asked) * 1000)
    except DrawingError as error:
        return Notice(str(error), retry=False)
    except InvalidRequestError as error:
        return _why_refused(client, error)
    except ClientError as error:
        return _notice(error)
    except Exception:  # noqa: BLE001 - the last line of defence: whatever it is, the page stays a page
        _log.exception("expected every fault to have a sentence of its own; received another one")
        return PAGE_FAILED


def _judge(answer: Drawing, milliseconds: float) -> Outcome:
    if answer.problem is Problem.NONE:
        return Answer(answer, milliseconds)
    return NOTHING_DRAWN if answer.problem is Problem.BLANK else Notice(answer.problem.sentence, retry=False)


def _why_refused(client: Client, refusal: ClientError) -> Notice:
    """A model with other inputs refuses every drawing; tell that from one bad drawing."""
    try:
        client.check_contract()
    except ClientError as error:
        return _notice(error)
    return _notice(refusal)


def _notice(error: ClientError) -> Notice:
    _log.warning("%s", error)
    return next(notice for kind, notice in _NOTICES if isinstance(error, kind))
