"""From a click on the correct digit to a drawing in the folder of corrections, and a sentence."""

import datetime
import logging
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from digits.contract import Problem
from serving.client import Client, ClientError
from ui.answers.drawing import Sheet, decode
from ui.answers.reading import PAGE_FAILED, notice_of
from ui.corrections import Corrections
from ui.errors import CorrectionError, DrawingError

_log = logging.getLogger(__name__)

_NOTHING: Final = "There is nothing to keep yet. Draw a digit first."


class _Click(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    label: Annotated[str, Field(max_length=8)] | None
    """None takes the correction back."""
    number: int
    """Of the click, so that the same digit can be clicked twice."""


def correct(
    client: Client, corrections: Corrections, sent: object, clicked: object, day: datetime.date
) -> str:
    """Read the drawing again, as nothing that a browser says of an answer can be trusted; keep it.

    Args:
        sent: untrusted, as the browser sent the drawing.
        clicked: untrusted, as the browser sent the click.

    Returns:
        A sentence for the page. Never raises.
    """
    try:
        label = _Click.model_validate_json(clicked if isinstance(clicked, str) else "").label
        sheet = decode(sent)
        if label is None:
            corrections.take_back(sheet)
            return "Taken back. This drawing is not kept."
        return _keep(client, corrections, sheet, label, day)
    except ValidationError:
        return "Expected one of the ten digits; received something else. Nothing was kept."
    except (DrawingError, CorrectionError) as error:
        return str(error)
    except ClientError as error:
        return notice_of(error).sentence
    except Exception:  # noqa: BLE001 - as in ui.answers.reading
        _log.exception("expected every fault to have a sentence of its own; received another one")
        return PAGE_FAILED.sentence


def _keep(
    client: Client, corrections: Corrections, sheet: Sheet, label: str, day: datetime.date
) -> str:
    if not sheet.picture or sheet.mode != "digit":
        return _NOTHING
    [answer] = client.read([sheet.picture])
    if answer.problem is not Problem.NONE:
        return _NOTHING if answer.problem is Problem.BLANK else answer.problem.sentence
    corrections.keep(sheet, answer, label, day)
    return f"Kept as a {label}. Thank you."
