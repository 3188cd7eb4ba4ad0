"""JSON as TensorFlow Serving reads it, which is not quite how Python does.

The text after the first value is ignored, the first of two equal names counts, NaN, Inf and
Infinity are numbers, and a number too big for a double is an error. Stricter than both: nesting is
bounded.
"""

import json
import re
from typing import Any, Final

import numpy as np

from serving.server.errors import InvalidArgumentError

DEEPEST: Final = 32
"""Levels of lists and objects; our deepest request has four."""
_LONGEST_SAFE_DIGITS: Final = 308
"""Decimal digits that always fit a double."""
_LONGEST_ECHO: Final = 256
"""Characters of the caller's JSON repeated in an error."""
_BLANKS: Final = b" \t\r\n"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_SHORT_INFINITY: Final = re.compile(r'("(?:[^"\\]|\\.)*")|\bInf\b')
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_NUMBER: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)', re.DOTALL)
_BROKEN_PAIR: Final = "The surrogate pair in string is invalid."
_ESCAPED: Final = re.compile(rb"\\.", re.DOTALL)

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


def parse(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Read the first JSON value of `body`. Bytes that are not UTF-8 pass through strings unharmed.

    Raises:
        InvalidArgumentError: the text is no JSON, a number is too big, or it is nested too deep.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    start = len(body) - len(body.lstrip(_BLANKS))
    if start == len(body):
        raise _fault("The document is empty", start or None)
    if _depth(body) > DEEPEST:
        raise InvalidArgumentError(
            f"JSON Parse error: nested deeper than {DEEPEST} levels; send a flatter document"
        )
    text = body.decode("utf-8", errors="surrogateescape")
    if "Inf" in text:
        text = _SHORT_INFINITY.sub(lambda match: match[1] or "Infinity", text)
    try:
        value, end = _decoder(body).raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise _fault(_reason(error, text), _byte_offset(text, error.pos)) from error
    except _TooBigError as error:
        raise _fault(
            "Number too big to be stored in double.", _byte_offset(text, _first_too_big(text))
        ) from error
    if "\\u" in text:
        _check_surrogates(text, end)
    return value


def _check_surrogates(text: str, end: int) -> None:
    """Refuse half a pair: Python would let it through, and no string of bytes can hold it."""
    awaited = None
    for escape in _ESCAPE.finditer(text, 0, end):
        code = int(escape[1], 16) if escape[1] else 0
        is_second = awaited is not None and escape.start() == awaited.end()
        if 0xDC00 <= code <= 0xDFFF:  # noqa: PLR2004 - the second halves. Source: RFC 3629
            if not is_second:
                raise _fault(_BROKEN_PAIR, _byte_offset(text, escape.start()))
            awaited = None
            continue
        if awaited is not None:
            break
        if 0xD800 <= code <= 0xDBFF:  # noqa: PLR2004 - the first halves
            awaited = escape
    if awaited is not None:
        raise _fault(_BROKEN_PAIR, _byte_offset(text, awaited.start()))


def _first_too_big(text: str) -> int:
    """Where the first number that no double can hold begins."""
    return next(
        (
            number.start(1)
            for number in _NUMBER.finditer(text)
            if number[1] and abs(float(number[1])) == float("inf")
        ),
        0,
    )


def _decoder(body: bytes) -> json.JSONDecoder:
    if _may_be_too_big(body):
        return json.JSONDecoder(
            object_pairs_hook=_first_wins,
            parse_float=_finite_float,
            parse_int=_bounded_int,
            strict=True,
        )
    return json.JSONDecoder(object_pairs_hook=_first_wins, strict=True)


def _may_be_too_big(body: bytes) -> bool:
    """Whether a number here could exceed a double: it has an exponent or very many digits. Others
    are spared a Python call each."""
    characters = np.frombuffer(body, dtype=np.uint8)
    is_digit = _IS_DIGIT[characters]
    exponents = (characters[1:] | _LOWER_CASE) == ord("e")
    gaps = np.diff(np.flatnonzero(~is_digit), prepend=-1, append=len(body))
    return bool((exponents & is_digit[:-1]).any()) or int(gaps.max()) > _LONGEST_SAFE_DIGITS


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else dict(reversed(pairs))


def _finite_float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _TooBigError
    return value


def _bounded_int(digits: str) -> int:
    if len(digits.lstrip("-")) > _LONGEST_SAFE_DIGITS:
        raise _TooBigError
    return int(digits)


class _TooBigError(Exception):
    """A number no double can hold; the parser's hooks do not know where it stands."""


def _fault(reason: str, offset: int | None) -> InvalidArgumentError:
    place = "" if offset is None else f". at offset: {offset}"
    return InvalidArgumentError(
        f"JSON Parse error: {reason.removesuffix('.') if offset is not None else reason}{place}"
    )


def _byte_offset(text: str, position: int) -> int:
    return len(text[:position].encode("utf-8", errors="surrogateescape"))


def _reason(error: json.JSONDecodeError, text: str) -> str:
    if error.msg == "Expecting ',' delimiter":
        return _open_bracket_reason(text[: error.pos].encode("utf-8", errors="surrogateescape"))
    return _REASONS.get(error.msg, "Invalid value.")


def _open_bracket_reason(before: bytes) -> str:
    """Which closing bracket was expected: that of the innermost list or object still open."""
    stack: list[int] = []
    for bracket in _brackets(before):
        if bracket in b"[{":
            stack.append(bracket)
        elif stack:
            stack.pop()
    if stack and stack[-1] == ord("["):
        return "Missing a comma or ']' after an array element."
    return "Missing a comma or '}' after an object member."


def _depth(body: bytes) -> int:
    """Deepest nesting, counted without recursion."""
    brackets = np.frombuffer(_brackets(body), dtype=np.uint8)
    if brackets.size == 0:
        return 0
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1)
    return int(np.cumsum(steps).max())


def _brackets(body: bytes) -> bytes:
    """The brackets and braces of `body` that stand outside strings, in order."""
    if b"\\" in body:
        body = _ESCAPED.sub(b"", body)
    characters = np.frombuffer(body, dtype=np.uint8)
    kept = characters[_IS_STRUCTURE[characters]]
    is_quote = kept == ord('"')
    outside = np.cumsum(is_quote) % 2 == 0
    return bytes(kept[outside & ~is_quote])


_LOWER_CASE: Final = 0x20
"""The bit that tells `e` from `E`."""
_IS_DIGIT: Final = np.isin(np.arange(256), np.frombuffer(b"0123456789.", dtype=np.uint8))
_IS_STRUCTURE: Final = np.isin(np.arange(256), np.frombuffer(b'[]{}"', dtype=np.uint8))


def echo(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A caller's own JSON, cut short, to repeat in an error."""
    text = ""
    for piece in json.JSONEncoder(indent=4).iterencode(value):
        text += piece
        if len(text) > _ECHO_TAKEN:
            break
    text = _LIST_BREAKS.sub(lambda match: match[2] or ("" if match[1] is not None else " "), text)
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}..."


_ECHO_TAKEN: Final = 16 * _LONGEST_ECHO
"""Characters written before line breaks are taken out; a whole body is never written again for an
error."""
_LIST_BREAKS: Final = re.compile(r"(?<=\[)\s+()|\s+(\])|(?<=,)\n\s+(?=[^\s\"])")
"""Line breaks inside lists; TensorFlow Serving writes a list on one line."""
