"""What is decided about the text of a JSON document before and after it is parsed: nesting, large
numbers, short infinities, broken surrogate pairs.

Everything here takes time proportional to the text, and all of it is spent in C: the callers choose
the text, so a loop in Python for each character would be theirs to exploit.
"""

import re
from typing import Final

import numpy as np

LONGEST_SAFE_DIGITS: Final = 308
"""Decimal digits that always fit a double."""
_CHEAP_PEELS: Final = 4
"""Rounds of the quick test for nesting; a batch of images needs two."""
_BYTES_PER_VALUE: Final = 48
"""A float (24), its places in two lists (16) and in the array (8)."""
_BYTES_PER_CONTAINER: Final = 96
_SHORT: Final = b"Inf"
_REST: Final = np.frombuffer(b"inity", dtype=np.uint8)

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Positions = np.ndarray[tuple[int], np.dtype[np.int64]]


def _table(groups: dict[bytes, bytes], other: bytes) -> bytes:
    """A table for `bytes.translate`: each character of a group becomes the group's value."""
    table = bytearray(other * 256)
    for characters, value in groups.items():
        for character in characters:
            table[character] = ord(value)
    return bytes(table)


_NUMBERS: Final = _table({b"0123456789.": b"0", b"eE": b"e"}, b" ")
_STRUCTURE: Final = b'[]{}"'
_NO_STRUCTURE: Final = bytes(set(range(256)) - set(_STRUCTURE))
_STEPS: Final = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1
_BROKEN_PAIR: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
"""A first half without a second, or the reverse. Source: RFC 3629."""


def is_deeper(body: bytes, levels: int) -> bool:
    """Whether lists and objects are nested deeper than so many levels.

    Innermost pairs are taken out a few times, which settles every usual document; only for others
    the depth is counted.
    """
    structure = rest = blank_escapes(body).translate(None, _NO_STRUCTURE)
    for peeled in range(_CHEAP_PEELS):
        if peeled + rest.count(b"[") + rest.count(b"{") <= levels:
            return False
        rest = rest.replace(b'""', b"").replace(b"[]", b"").replace(b"{}", b"")
    return int(_depths(structure).max()) > levels


def bytes_when_parsed(body: bytes) -> int:
    """What a document takes in memory, at most about: its text twice, its values, their arrays."""
    containers = body.count(b"[") + body.count(b"{")
    return 2 * len(body) + _BYTES_PER_VALUE * body.count(b",") + _BYTES_PER_CONTAINER * containers


def has_more_containers(body: bytes, most: int) -> bool:
    """Whether there are more than so many lists and objects, each of which costs far more memory
    than its two characters."""
    if body.count(b"[") + body.count(b"{") <= most:
        return False
    characters = np.frombuffer(blank_escapes(body), dtype=np.uint8)
    return int(np.count_nonzero(_are_outside(characters) & (_STEPS[characters] > 0))) > most


def innermost_open(before: bytes) -> str:
    """The bracket or brace that is still open at the end of a text, or nothing."""
    structure = blank_escapes(before).translate(None, _NO_STRUCTURE)
    depths = _depths(structure)
    lower = np.flatnonzero(depths < depths[-1]) if depths.size else depths
    position = int(lower[-1]) + 1 if lower.size else 0
    opened = structure[position : position + 1] if depths.size and depths[-1] > 0 else b""
    return opened.decode("ascii")


def _depths(structure: bytes) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """The nesting after each character; brackets within strings do not count."""
    characters = np.frombuffer(structure, dtype=np.uint8)
    return np.cumsum(np.where(_are_outside(characters), _STEPS[characters], 0), dtype=np.int32)


def _are_outside(characters: Bytes) -> Flags:
    """Which characters are outside strings: an even number of quotes stands before."""
    outside: Flags = np.cumsum(characters == ord('"'), dtype=np.uint8) & 1 == 0
    return outside


def blank_escapes(body: bytes) -> bytes:
    """The same text with blanks for escaped backslashes and quotes: every quote that is left
    begins or ends a string."""
    if b"\\" not in body:
        return body
    return body.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")


def may_be_too_big(body: bytes) -> bool:
    """Whether a number here could exceed a double: it has an exponent or very many digits. Others
    are spared a Python call each."""
    numbers = body.translate(_NUMBERS)
    return b"0e" in numbers or (
        len(body) > LONGEST_SAFE_DIGITS and b"0" * (LONGEST_SAFE_DIGITS + 1) in numbers
    )


def lengthen_infinities(body: bytes) -> tuple[bytes, Positions]:
    """Write `Inf` outside strings as `Infinity`, which Python knows.

    Returns:
        The text, and where in it letters were inserted.
    """
    characters = np.frombuffer(blank_escapes(body), dtype=np.uint8)
    after = np.pad(characters, (0, len(_SHORT)))
    found = _are_outside(characters) & (after[len(_SHORT) :] != ord("i"))
    for offset, letter in enumerate(_SHORT):
        found &= after[offset : offset + characters.size] == letter
    places = np.arange(characters.size, dtype=np.int32)
    places[len(_SHORT) :] += _REST.size * np.cumsum(found[: -len(_SHORT)], dtype=np.int32)
    inserted = (places[np.flatnonzero(found) + len(_SHORT) - 1] + 1)[:, None] + np.arange(
        _REST.size
    )
    text = np.empty(characters.size + inserted.size, dtype=np.uint8)
    text[places] = np.frombuffer(body, dtype=np.uint8)
    text[inserted] = _REST
    return text.tobytes(), inserted.ravel()


def find_outside_strings(body: bytes, words: bytes) -> int:
    """Where the first `words` outside strings begin; 0 if there are none."""
    text = blank_escapes(body)
    quotes = end = 0
    position = text.find(words)
    while position >= 0:
        quotes += text.count(b'"', end, position)
        if quotes % 2 == 0:
            return position
        end = position
        position = text.find(words, position + 1)
    return 0


def find_broken_pair(text: str) -> int | None:
    r"""Where half a surrogate pair is escaped (`\ud83d` alone): Python would let it through, and no
    string of bytes can hold it."""
    broken = _BROKEN_PAIR.search(text.replace("\\\\", "  "))
    return broken.start() if broken else None
