"""The command line of a benchmark: what all of them take, and how they tell what they refuse."""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from digits.settings import Settings
from trainer.errors import TrainerError

Main = Callable[[Sequence[str]], int]


class BenchmarkSettings(Settings):
    """Settings of one benchmark."""

    env_prefix: ClassVar[str] = "INKWELL_BENCH_"

    results: Path = Field(default=Path("results"), description="folder to write the record in")


class DataBenchmarkSettings(BenchmarkSettings):
    """Settings of a benchmark on MNIST; see `trainer.settings.data_or_default`."""

    data: Path | None = Field(
        default=None, description="MNIST; default: DIGITS_DATA, else Keras' cache"
    )


def in_one_line(program: str) -> Callable[[Main], Main]:
    """Let the `main` of a program tell in one line, and by the exit code, what the trainer's code
    refuses, such as a data set that is not there."""

    def wrapped(main: Main) -> Main:
        @functools.wraps(main)
        def told(argv: Sequence[str]) -> int:
            try:
                return main(argv)
            except TrainerError as error:
                print(f"{program}: {error}", file=sys.stderr)
                return error.exit_code

        return told

    return wrapped
