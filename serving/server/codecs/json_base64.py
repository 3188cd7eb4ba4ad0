"""Base64 as TensorFlow Serving reads it: blanks between the letters and missing padding are taken.

Source: absl::Base64Unescape, and recorded answers.
"""

import base64
import binascii
import re
from typing import Final

from serving.server.errors import InvalidArgumentError

_BLANKS: Final = re.compile(r"[ \t\n\v\f\r]")
_PADDING: Final = "=."
"""A dot pads as well as an equals sign."""
_GROUP: Final = 4
"""Letters for three bytes."""


def decode(text: str) -> bytes:
    """The bytes that a text stands for, in the standard alphabet.

    Raises:
        InvalidArgumentError: a letter of no meaning, a lone last letter, or padding that is there
            but too short or too long.
    """
    text = _BLANKS.sub("", text)
    letters = text.rstrip(_PADDING)
    given, missing = len(text) - len(letters), -len(letters) % _GROUP
    if given not in (0, missing):
        raise InvalidArgumentError(_FAULT)
    try:  # three missing letters are refused here: no group has a single one
        return base64.b64decode(letters + "=" * missing, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidArgumentError(_FAULT) from error


_FAULT: Final = "Unable to base64 decode"
