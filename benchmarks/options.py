"""The command line of a benchmark: what all of them take."""

import argparse
import os
from pathlib import Path


def options(module: str, about: str | None) -> argparse.ArgumentParser:
    """A parser with `--results`, the folder that the record is written to.

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


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add `--data`, where MNIST is."""
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("DIGITS_DATA"),
        help="MNIST; default: DIGITS_DATA, else Keras' cache",
    )
