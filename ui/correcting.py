"""From a click on the right digit to a kept drawing, or one plain sentence why not."""

import datetime
import logging
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from digits.contract import Problem
from serving.client import Client, ClientError
from ui.corrections import Corrections
from ui.drawing import Sheet, decode
from ui.errors import CorrectionError, DrawingError
from ui.reading import PAGE_FAILED, notice_of

_log = logging.getLogger(__name__)

_NOTHING = "There is nothing to keep yet. Draw a digit first."


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    label: Annotated[str, Field(max_length=8)]
    number: int
    """Of the click, so that the same digit can be said twice."""


def correct(
    client: Client, corrections: Corrections, sent: object, said: object, day: datetime.date
) -> str:
    """Read the drawing again, as nothing that a browser says about an answer can be trusted, and
    keep it.

    Args:
        client: of the model server.
        corrections: where it is kept.
        sent: untrusted, as the browser sent the drawing.
        said: untrusted, as the browser sent the click.
        day: when.

    Returns:
        A sentence for the page. Never raises.
    """
    try:
        return _keep(
            client,
            corrections,
            decode(sent),
            _Said.model_validate_json(said if isinstance(said, str) else "").label,
            day,
        )
    except ValidationError:
        return "Expected one of the ten digits; received something else. Nothing was kept."
    except (DrawingError, CorrectionError) as error:
        return str(error)
    except ClientError as error:
        return notice_of(error).sentence
    except Exception:  # noqa: BLE001 - as in ui.reading
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
