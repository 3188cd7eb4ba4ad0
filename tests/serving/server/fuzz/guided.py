"""Fuzzing that follows the code's coverage, by libFuzzer: `python -m
tests.serving.server.fuzz.guided rest --seconds 60`.

Starts from the corpus beside this file, and keeps what reached something new in build/fuzz/TARGET;
what broke something lies there as crash-…, and the program ends with an exit code other than 0. Put
such a file into the corpus with the fix: the tests read all of it.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]  # for x86_64 only

with atheris.instrument_imports(include=["serving", "ui", "digits", "trainer.data"]):
    from tests.serving.server.fuzz.targets import TARGETS

CORPUS: Final = Path(__file__).parent / "corpus"


def main() -> None:
    """Fuzz until the time is up or something breaks."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.serving.server.fuzz.guided", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60, help="default %(default)s")
    parser.add_argument(
        "--runs", type=int, help="so many inputs, the same ones each time, instead of a time"
    )
    parser.add_argument(
        "--found",
        type=Path,
        default=Path("build") / "fuzz",
        help="folder for what is found; default %(default)s",
    )
    chosen = parser.parse_args()
    found = chosen.found / chosen.target
    found.mkdir(parents=True, exist_ok=True)
    until = (
        [f"-runs={chosen.runs}", "-seed=1"]
        if chosen.runs
        else [f"-max_total_time={chosen.seconds}"]
    )
    flags = [
        *until,
        f"-artifact_prefix={found}/",
        "-timeout=10",
        "-max_len=4096",
        "-print_final_stats=1",
    ]
    atheris.Setup(
        [sys.argv[0], str(found), str(CORPUS / chosen.target), *flags], TARGETS[chosen.target]
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
