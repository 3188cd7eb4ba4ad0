"""The command line of a benchmark: what all of them take."""

import argparse
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from digits.settings import Settings


class BenchmarkSettings(Settings):
    """Settings of one benchmark."""

    env_prefix: ClassVar[str] = "INKWELL_BENCH_"

    results: Path = Field(default=Path("results"), description="folder to write the record in")


class DataBenchmarkSettings(BenchmarkSettings):
    """Settings of a benchmark on MNIST; see `trainer.settings.data_or_default`."""

    data: Path | None = Field(
        default=None, description="MNIST; default: DIGITS_DATA, else Keras' cache"
    )


def options(module: str, about: str | None) -> argparse.ArgumentParser:
    """A parser with `--results`, for `benchmarks.abuse`, whose `--attacks` takes several words.

    Args:
        module: of the benchmark, as `python -m` takes it.
        about: its docstring.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=about,
        formatter_class=argparse.RawTextHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        help="folder to write the record in; default: %(default)s",
    )
    return parser
