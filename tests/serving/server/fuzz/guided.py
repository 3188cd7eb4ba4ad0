"""Fuzzing that follows the code's coverage, by libFuzzer: `python -m
tests.serving.server.fuzz.guided rest --seconds 60`.

Starts from the corpus beside this file, and keeps what reached something new in build/fuzz/TARGET;
what broke something lies there as crash-…, and the program ends with an exit code other than 0. Put
such a file into the corpus with the fix: the tests read all of it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final, Literal

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]  # for x86_64 only
from pydantic import Field

with atheris.instrument_imports(include=["serving", "ui", "digits", "trainer.data"]):
    from digits.settings import CliPositionalArg, Settings, load
    from tests.serving.server.fuzz.targets import TARGETS

CORPUS: Final = Path(__file__).parent / "corpus"


class GuidedSettings(Settings):
    """Fuzz one reader, guided by its coverage."""

    program: ClassVar[str] = "python -m tests.serving.server.fuzz.guided"
    env_prefix: ClassVar[str] = "INKWELL_TESTS_"

    target: CliPositionalArg[Literal[tuple(TARGETS)]] = Field(description="the reader")  # type: ignore[valid-type]
    seconds: int = Field(default=60, ge=1, description="how long")
    runs: int | None = Field(
        default=None, ge=1, description="so many inputs, the same each time, instead of a time"
    )
    found: Path = Field(default=Path("build/fuzz"), description="folder for what is found")


def main(argv: Sequence[str]) -> None:
    """Fuzz until the time is up or something breaks."""
    chosen = load(GuidedSettings, argv)
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
    main(sys.argv[1:])
