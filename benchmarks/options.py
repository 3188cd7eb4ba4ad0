"""The command line of a benchmark: what all of them take."""

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
