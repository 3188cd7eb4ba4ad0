"""inkwell COMMAND ...: start a program; `inkwell COMMAND --help` is that program's own help.

Exit codes: the program's own; 2 for a command that does not exist; 3 where its packages are not
installed.
"""

import runpy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_NO_SUCH_COMMAND: Final = 2
_NOT_INSTALLED: Final = 3
_OURS: Final = ("digits", "inkwell", "serving", "trainer", "ui")


@dataclass(frozen=True)
class Program:
    """What a command starts."""

    module: str
    extra: str
    """The optional dependencies that it needs: `inkwell[EXTRA]`."""
    about: str
    words: tuple[str, ...] = ()
    """What its command line begins with."""


def _client(word: str, about: str, extra: str = "client") -> Program:
    return Program("serving.client", extra, about, (word,))


def _release(word: str, about: str, extra: str = "server") -> Program:
    return Program("serving.release", extra, about, (word,))


PROGRAMS: Final = {
    "predict": _client("predict", "ask a running server about pictures: inkwell predict seven.png"),
    "number": _client("number", "the same for several digits in one picture", "number"),
    "status": _client("status", "the versions that a running server has"),
    "wait": _client("wait", "wait until a server can answer"),
    "load": Program(
        "serving.client.load",
        "client",
        "call a server at a rate, count failures: inkwell load grpc://localhost:8500 --rate=50",
    ),
    "train": Program("trainer", "trainer,tensorflow-cpu", "train, choose, export and publish"),
    "sweep": Program(
        "trainer.sweep", "trainer,tensorflow-cpu", "train a recipe with several seeds"
    ),
    "serve": Program(
        "serving.server",
        "server,tensorflow-cpu",
        "serve a model: inkwell serve --model_base_path=models/digits",
    ),
    "page": Program("ui", "ui", "the page to draw on, for a running server"),
    "demo": Program("inkwell.demo", "ui,server,tensorflow-cpu", "server and page together"),
    "versions": _release("versions", "list the published versions", "client"),
    "examine": _release("examine", "check a version", "server,tensorflow-cpu"),
    "promote": _release("promote", "serve a held or an older version", "server,tensorflow-cpu"),
    "rollback": _release("rollback", "serve the version that was served before", "client"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the program of the first argument with the rest of them."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in PROGRAMS:
        return _start(PROGRAMS[given[0]], given[1:])
    print(_usage(), file=sys.stdout if given in (["-h"], ["--help"]) else sys.stderr)
    return 0 if given in (["-h"], ["--help"]) else _NO_SUCH_COMMAND


def _start(program: Program, arguments: list[str]) -> int:
    sys.argv = [program.module, *program.words, *arguments]
    try:
        runpy.run_module(program.module, run_name="__main__", alter_sys=True)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in _OURS:
            raise
        print(
            f"inkwell: expected the packages of this command; received none named "
            f"'{error.name}'; install them: pip install 'inkwell[{program.extra}]'",
            file=sys.stderr,
        )
        return _NOT_INSTALLED
    return 0


def _usage() -> str:
    lines = [f"  {name:<9} {program.about}" for name, program in PROGRAMS.items()]
    return "\n".join(["usage: inkwell COMMAND ...; inkwell COMMAND --help tells more", *lines])


if __name__ == "__main__":
    sys.exit(main())
