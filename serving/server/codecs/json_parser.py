"""JSON as TensorFlow Serving reads it, which is not quite how Python does.

The text after the first value is ignored, the first of two equal names counts, NaN, Inf and
Infinity are numbers, and a number too big for a double is an error. Stricter than both: nesting is
bounded.
"""

import json
import re
from typing import Any, Final

import numpy as np

from serving.server.codecs.json_text import (
    LONGEST_SAFE_DIGITS,
    Positions,
    find_broken_pair,
    find_outside_strings,
    has_more_containers,
    innermost_open,
    is_deeper,
    lengthen_infinities,
    may_be_too_big,
)
from serving.server.errors import InvalidArgumentError

DEEPEST: Final = 32
"""Levels of lists and objects; our deepest request has four."""
MOST_CONTAINERS: Final = 1 << 18
"""Lists and objects in one document: 64 for each of 4,096 items; an image has 29."""
_LONGEST_ECHO: Final = 256
"""Characters of the caller's JSON repeated in an error."""
_BLANKS: Final = b" \t\r\n"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_BROKEN_PAIR: Final = "The surrogate pair in string is invalid."
_TOO_BIG: Final = "Number too big to be stored in double."
_REASONS: Final = {
    "Expecting value": "Invalid value.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid control character at": "Invalid escape character in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
}
"""What Python's parser says, and how TensorFlow Serving words it."""


def parse(body: bytes) -> Any:
    """Read the first JSON value of `body`. Bytes that are not UTF-8 pass through strings unharmed.

    Raises:
        InvalidArgumentError: the text is no JSON, a number is too big, or it is nested too deep.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    start = len(body) - len(body.lstrip(_BLANKS))
    if start == len(body):
        raise _fault("The document is empty", start or None)
    if is_deeper(body, DEEPEST):
        raise InvalidArgumentError(
            f"JSON Parse error: nested deeper than {DEEPEST} levels; send a flatter document"
        )
    if has_more_containers(body, MOST_CONTAINERS):
        raise InvalidArgumentError(
            f"JSON Parse error: more than {MOST_CONTAINERS} lists and objects; send the document "
            "in parts"
        )
    inserted: Positions | tuple[()] = ()
    if b"Inf" in body:
        body, inserted = lengthen_infinities(body)
    decoder = _BOUNDED if may_be_too_big(body) else _PLAIN
    text = body.decode("utf-8", errors="surrogateescape")
    try:
        value, end = decoder.raw_decode(text, start)
    except json.JSONDecodeError as raised:
        error = _where_missing(raised)
        reason, offset = _reason(error, text), _byte_offset(text, error.pos)
    except _TooBigError as error:
        reason, offset = _TOO_BIG, find_outside_strings(body, error.digits.encode())
    else:
        broken = find_broken_pair(text[:end]) if "\\u" in text else None
        if broken is None:
            return value
        reason, offset = _BROKEN_PAIR, _byte_offset(text, broken)
    raise _fault(reason, offset - int(np.searchsorted(inserted, offset)))


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else dict(reversed(pairs))


def _finite_float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _TooBigError(digits)
    return value


def _bounded_int(digits: str) -> int:
    if len(digits.lstrip("-")) > LONGEST_SAFE_DIGITS:
        raise _TooBigError(digits)
    return int(digits)


class _TooBigError(Exception):
    """A number no double can hold; the parser's hooks do not know where it stands."""

    def __init__(self, digits: str) -> None:
        super().__init__(digits)
        self.digits = digits


_TRAILING_COMMA: Final = {
    "Illegal trailing comma before end of array": "Expecting value",
    "Illegal trailing comma before end of object": "Expecting property name enclosed in double "
    "quotes",
}
_PLAIN: Final = json.JSONDecoder(object_pairs_hook=_first_wins)
_BOUNDED: Final = json.JSONDecoder(
    object_pairs_hook=_first_wins, parse_float=_finite_float, parse_int=_bounded_int
)


def _fault(reason: str, offset: int | None) -> InvalidArgumentError:
    place = "" if offset is None else f". at offset: {offset}"
    return InvalidArgumentError(
        f"JSON Parse error: {reason.removesuffix('.') if offset is not None else reason}{place}"
    )


def _byte_offset(text: str, position: int) -> int:
    return len(text[:position].encode("utf-8", errors="surrogateescape"))


def _where_missing(error: json.JSONDecodeError) -> json.JSONDecodeError:
    """What Python before 3.13 says of a trailing comma: that something is missing after it. 3.13
    says that there is one, and where."""
    if error.msg not in _TRAILING_COMMA:
        return error
    after = error.doc[error.pos + 1 :]
    place = error.pos + 1 + len(after) - len(after.lstrip(" \t\n\r"))
    return json.JSONDecodeError(_TRAILING_COMMA[error.msg], error.doc, place)


def _reason(error: json.JSONDecodeError, text: str) -> str:
    if error.msg == "Expecting ',' delimiter":
        before = text[: error.pos].encode("utf-8", errors="surrogateescape")
        if innermost_open(before) == "[":
            return "Missing a comma or ']' after an array element."
        return "Missing a comma or '}' after an object member."
    return _REASONS.get(error.msg, "Invalid value.")


def echo(value: Any) -> str:
    """A caller's own JSON, cut short, to repeat in an error."""
    text = ""
    for piece in json.JSONEncoder(indent=4).iterencode(value):
        text += piece
        if len(text) > _ECHO_TAKEN:
            break
    text = _LIST_BREAKS.sub(
        lambda match: match[2] or ("" if match[1] is not None else " "), text[:_ECHO_TAKEN]
    )
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}..."


_ECHO_TAKEN: Final = 16 * _LONGEST_ECHO
"""Characters written before line breaks are taken out; a whole body is never written again for an
error."""
_LIST_BREAKS: Final = re.compile(r"(?<=\[)\n *()|\n *(\])|(?<=,)\n +(?=[^ \"])")
"""Line breaks inside lists; TensorFlow Serving writes a list on one line."""
