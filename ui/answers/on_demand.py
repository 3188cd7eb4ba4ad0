"""What the page says of a drawing only when a button asks for it."""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from digits.contract import Problem
from serving.client import Client, ClientError
from ui.answers.drawing import Sheet
from ui.answers.reading import Notice

_log = logging.getLogger(__name__)

NO_ANSWER: Final = Notice("The model server did not answer. Ask again in a moment.", retry=False)

Found = TypeVar("Found")


def ask_about(
    client: Client, sheet: Sheet, question: Callable[[Client, NDArray[np.uint8]], Found]
) -> Found | Notice:
    """Ask the model server about the image that it makes of a drawing.

    Args:
        client: of the model server.
        sheet: what was drawn.
        question: about the image uint8 [28, 28], 0..255, ink bright; may raise `ClientError`.

    Returns:
        What `question` finds, or the sentence to show instead. Never raises: no traceback may reach
        the page.
    """
    try:
        [drawing] = client.read([sheet.picture])
        if drawing.problem is not Problem.NONE:
            return Notice(drawing.problem.sentence, retry=False)
        return question(client, drawing.image)
    except ClientError as error:
        _log.warning("%s", error)
    except Exception:  # noqa: BLE001 - the last line of defence, as in ui.answers.reading
        _log.exception("expected an answer about the drawing's image; received an exception")
    return NO_ANSWER
