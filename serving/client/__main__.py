"""python -m serving.client predict FILE ... | number FILE ... | status | wait: ask a served model
from the command line. The file `-` is the standard input.

Exit codes: 0 fine; 1 trouble with the server, or a file that could not be read as a digit; 2 wrong
usage; 130 interrupted.
"""

import io
import itertools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from digits.contract import DRAWING_MAX_BYTES, NOT_A_DIGIT_SENTENCE, Problem
from digits.percent import percent
from digits.settings import EXIT_BAD_SETTINGS, load
from serving.client.client import Client
from serving.client.connection import connect
from serving.client.errors import ClientError
from serving.client.predictions import Drawing
from serving.client.settings import ClientSettings

if TYPE_CHECKING:
    from serving.client.number.read import Number

_COMMANDS: Final = ("predict", "number", "status", "wait")
_OF_FILES: Final = ("predict", "number")
_FINE: Final = 0
_TROUBLE: Final = 1
_INTERRUPTED: Final = 130
"""What shells report for a program ended by Ctrl-C."""
_BROKEN_PIPE: Final = 141
"""What they report for one whose reader went away, as `| head -1` does."""
_STANDARD_INPUT: Final = "-"


def main() -> int:
    """Read the words and the settings, then do what the first word says."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # so that no file's name is too strange to print
            stream.reconfigure(errors="backslashreplace")
    words, flags = _split(sys.argv[1:])
    settings = load(ClientSettings, flags)
    if not _usable(words):
        return EXIT_BAD_SETTINGS
    try:
        with connect(
            settings.server,
            model=settings.model,
            deadline=settings.deadline,
            access=settings.access(),
        ) as client:
            code = _do(client, words[0], words[1:], settings.timeout)
            sys.stdout.flush()
            return code
    except ClientError as error:
        _complain(str(error))
        return _TROUBLE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED


def _do(client: Client, command: str, files: list[str], timeout: float) -> int:
    match command:
        case "predict":
            return _predict(client, files)
        case "number":
            return _number(client, files)
        case "status":
            return _status(client)
        case _:
            return _wait(client, timeout)


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the words (a command and files) from the flags, which all have a value; they may come in
    any order."""
    words: list[str] = []
    flags: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == _STANDARD_INPUT or not argument.startswith("-"):
            words.append(argument)
            continue
        flags.append(argument)
        if "=" not in argument and argument not in ("-h", "--help"):
            flags.extend(itertools.islice(rest, 1))
    return words, flags


def _usable(words: list[str]) -> bool:
    """Say what is wrong with the command, if anything is."""
    received = " ".join(words) or "nothing"
    if not words or words[0] not in _COMMANDS:
        _complain(f"expected one of {', '.join(_COMMANDS)}; received {received}; see --help")
        return False
    if (words[0] in _OF_FILES) is not bool(words[1:]):
        _complain(
            f"expected files after {' or '.join(_OF_FILES)} and only there; received {received}; "
            "see --help"
        )
        return False
    return True


def _predict(client: Client, files: list[str]) -> int:
    """One line for each file, in order; those that cannot be read do not keep the others from their
    answer."""
    drawings = {
        number: content
        for number, file in enumerate(files)
        if (content := _content(file)) is not None
    }
    answers = (
        dict(zip(drawings, client.read(list(drawings.values())), strict=True)) if drawings else {}
    )
    fine = [_tell(files[number], answer) for number, answer in answers.items()]
    return _FINE if len(fine) == len(files) and all(fine) else _TROUBLE


def _number(client: Client, files: list[str]) -> int:
    """One line for each file: the number in it."""
    fine = [
        _tell_number(file, client.read_number(content))
        for file in files
        if (content := _content(file)) is not None
    ]
    return _FINE if len(fine) == len(files) and all(fine) else _TROUBLE


def _tell_number(file: str, number: "Number") -> bool:
    if number.problem is not Problem.NONE:
        print(f"{file}: {number.problem.sentence}", file=sys.stderr)
        return False
    if number.lines > 1:
        print(f"{file}: expected one line of digits; received {number.lines}", file=sys.stderr)
        return False
    strange = ", ".join(
        str(place)
        for place, digit in enumerate(number.digits, start=1)
        if not digit.drawing.looks_like_digit
    )
    note = f" (of these, by place, no digits by their looks: {strange})" if strange else ""
    print(f"{file}: {number.text}{note}")
    return True


def _content(file: str) -> bytes | None:
    """What is in a file, or None after a line that says why that cannot be sent."""
    try:
        if file == _STANDARD_INPUT:
            content = sys.stdin.buffer.read(DRAWING_MAX_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                content = opened.read(DRAWING_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        print(
            f"{file}: expected a file that can be read; received: {_reason(error)}; check the path",
            file=sys.stderr,
        )
        return None
    if not 0 < len(content) <= DRAWING_MAX_BYTES:
        received = "an empty file" if not content else "a larger one"
        print(
            f"{file}: expected a PNG or JPEG of at most {DRAWING_MAX_BYTES} bytes; received "
            f"{received}; send another",
            file=sys.stderr,
        )
        return None
    return content


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _tell(file: str, answer: Drawing) -> bool:
    """Print what one drawing is; False if there was a problem with it."""
    if answer.problem is not Problem.NONE:
        print(f"{file}: {answer.problem.sentence}", file=sys.stderr)
        return False
    sure = percent(answer.probabilities[answer.digit]).replace("%", " %")
    best = f"{answer.label} ({sure})"
    doubt = f"{NOT_A_DIGIT_SENTENCE} As one, it would be {best}."
    print(f"{file}: {best if answer.looks_like_digit else doubt}")
    return True


def _status(client: Client) -> int:
    for found in client.status():
        print(f"version {found.version}: {found.state} {found.error}".rstrip())
    return _FINE


def _wait(client: Client, timeout: float) -> int:
    print(f"version {client.wait(timeout)} is available and keeps the contract")
    return _FINE


def _complain(text: str) -> None:
    print(f"{ClientSettings.program}: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
