"""From a drawing to what the page says about it: an answer, or one plain sentence."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from digits.contract import Problem
from serving.client import Client, Drawing
from serving.client.errors import (
    ClientError,
    ContractMismatchError,
    DeadlineExceededError,
    InvalidRequestError,
    NotFoundError,
    TooManyDigitsError,
    UnavailableError,
)
from serving.client.number.read import Number
from ui.answers.compare import Comparer, Comparison
from ui.answers.drawing import Sheet, decode
from ui.answers.marks import only_dots
from ui.errors import DrawingError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """The model read the drawing."""

    drawing: Drawing
    milliseconds: float
    """From asking the model server to its answer."""
    saliency: NDArray[np.float32] | None = None
    """float32 [28, 28], 0..1: how much each pixel of `drawing.image` mattered; None where the model
    did not say."""


@dataclass(frozen=True)
class NumberAnswer:
    """The model read a whole number."""

    number: Number
    sheet: Sheet
    milliseconds: float
    """From looking for digits to the last answer."""


@dataclass(frozen=True)
class Notice:
    """There is no answer, and this is why."""

    sentence: str
    retry: bool
    """True while something is wrong that may pass, so the page asks again."""


Outcome = Answer | NumberAnswer | Comparison | Notice

NOTHING_DRAWN: Final = Notice("Nothing is drawn yet. Draw a digit and it is read.", retry=False)
_AGAIN: Final = "This page keeps your drawing and tries again by itself."
AWAY: Final = Notice(f"The model server is away. {_AGAIN}", retry=True)
SLOW: Final = Notice(f"The model server takes too long to answer. {_AGAIN}", retry=True)
NOT_LOADED: Final = Notice(
    f"The model server is up, but has not loaded this model yet. {_AGAIN}", retry=True
)
WRONG_CONTRACT: Final = Notice(
    f"The model that is served does not fit this page. {_AGAIN}", retry=True
)
SERVER_FAILED: Final = Notice(f"The model server failed on this question. {_AGAIN}", retry=True)
SEVERAL_LINES: Final = "There are {} lines of digits here; one line can be read."
PAGE_FAILED: Final = Notice(
    f"Something went wrong in this page; its log says what. {_AGAIN}", retry=True
)
NO_INK: Final = Notice(
    "There is no writing to be seen in this photo. Take it closer, or in more even light.",
    retry=False,
)
DOTS: Final = Notice(
    "That is a dot, and no digit has only dots. Draw one with a stroke.", retry=False
)
REFUSED: Final = Notice(
    "The model server refused this drawing. Clear it and draw again.", retry=False
)

_NOTICES: Final[tuple[tuple[type[ClientError], Notice], ...]] = (
    (UnavailableError, AWAY),
    (DeadlineExceededError, SLOW),
    (NotFoundError, NOT_LOADED),
    (ContractMismatchError, WRONG_CONTRACT),
    (InvalidRequestError, REFUSED),
    (ClientError, SERVER_FAILED),
)
"""What is said to an error: the first match counts, so the order matters."""


def take(sent: object) -> Sheet | Notice:
    """What the browser sent, untrusted; or the sentence that says what is wrong with it."""
    try:
        return decode(sent)
    except DrawingError as error:
        return Notice(str(error), retry=False)


def read(
    client: Client, comparer: Comparer, sheet: Sheet, clock: Callable[[], float] = time.perf_counter
) -> Outcome:
    """Ask the model server what was drawn.

    Args:
        client: of the model server.
        comparer: of the same server.
        sheet: what was drawn, and what is wanted.
        clock: seconds of a clock that never goes back.

    Returns:
        The answer, or the sentence to show instead. Never raises: no traceback may reach the page.
    """
    try:
        if not sheet.picture:
            client.check_contract()
            return NOTHING_DRAWN
        return _ask(client, comparer, sheet, clock)
    except InvalidRequestError as error:
        return _why_refused(client, error)
    except ClientError as error:
        return notice_of(error)
    except Exception:  # noqa: BLE001 - the last line of defence: whatever it is, the page stays a page
        _log.exception("expected every fault to have a sentence of its own; received another one")
        return PAGE_FAILED


def _ask(client: Client, comparer: Comparer, sheet: Sheet, clock: Callable[[], float]) -> Outcome:
    asked = clock()
    if sheet.mode == "compare":
        comparison = comparer.compare(sheet.picture, clock)
        [problem, *_] = [
            opinion.drawing.problem for opinion in comparison.opinions if opinion.drawing
        ] or [Problem.NONE]
        return _trouble(problem, sheet) or comparison
    if sheet.mode == "number":
        try:
            number = client.read_number(sheet.picture)
        except TooManyDigitsError as error:
            return Notice(f"{str(error).capitalize()}.", retry=False)
        if number.lines > 1:
            return Notice(SEVERAL_LINES.format(number.lines), retry=False)
        taken = (clock() - asked) * 1000
        return _trouble(number.problem, sheet) or NumberAnswer(number, sheet, taken)
    [drawing] = client.read([sheet.picture])
    taken = (clock() - asked) * 1000
    trouble = _trouble(drawing.problem, sheet)
    if trouble is None and sheet.kind == "png" and only_dots(drawing.image, sheet.picture):
        trouble = DOTS
    return trouble or Answer(drawing, taken, _explain(client, drawing))


def _trouble(problem: Problem, sheet: Sheet) -> Notice | None:
    if problem is Problem.NONE:
        return None
    if problem is Problem.BLANK:
        return NO_INK if sheet.kind == "jpg" else NOTHING_DRAWN
    return Notice(problem.sentence, retry=False)


def _explain(client: Client, drawing: Drawing) -> NDArray[np.float32] | None:
    """Why the model says so. It is an extra: without it, the answer stands."""
    try:
        [explanation] = client.explain(drawing.image[np.newaxis])
    except ClientError as error:
        _log.warning("%s", error)
        return None
    return explanation.saliency if explanation.version == drawing.version else None


def _why_refused(client: Client, refusal: ClientError) -> Notice:
    """A model with other inputs refuses every drawing; tell that from one bad drawing."""
    try:
        client.check_contract()
    except ClientError as error:
        return notice_of(error)
    return notice_of(refusal)


def notice_of(error: ClientError) -> Notice:
    """The sentence for trouble with the server."""
    _log.warning("%s", error)
    return next(notice for kind, notice in _NOTICES if isinstance(error, kind))
