"""Read whole numbers of the validation digits through the client, over gRPC, from the released
version.

`make bench NAME=numbers`, or `python -m benchmarks.numbers --help`. The numbers are pasted from
digits that no released network was trained on, at spacings from clear gaps to digits that overlap,
on plain paper and as photos.
"""

import io
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from benchmarks.options import DataBenchmarkSettings, in_one_line
from benchmarks.record import record
from digits import store
from digits.contract import MODEL_NAME
from digits.manifest import read_manifest
from digits.settings import load as load_settings
from serving.client import Client, connect
from tests.support.released_server import RELEASED, serve_released
from trainer.data.dataset import load
from trainer.data.split import Split, split
from trainer.evaluation.metrics import interval
from trainer.settings import data_or_default

RESULTS_FILE: Final = "numbers.json"
SPACINGS: Final = {"apart": (0.15, 0.5), "close": (0.02, 0.1), "touching": (-0.12, -0.04)}
"""Between two digits, from and to, over the height of a line."""
PAPERS: Final = ("plain", "photo")
_LONGEST: Final = 8
_SCALE: Final = 4
"""Pixels of the picture for one of MNIST's."""
_LINE: Final = 20 * _SCALE
_JITTER: Final = 0.08
"""How far a digit stands off the line at most, over its height."""
_SEED: Final = 20262

Ink = npt.NDArray[np.float64]
"""float64 [h, w], 0 for paper to 1 for full ink."""


def write_number(
    images: npt.NDArray[np.uint8], spacing: str, paper: str, generator: np.random.Generator
) -> bytes:
    """A line of digits, uint8 [n, 28, 28], as a PNG (plain) or JPEG (photo)."""
    digits = [_enlarged(image) for image in images]
    line = np.zeros(
        (2 * _LINE, sum(digit.shape[1] for digit in digits) + _LINE * (len(digits) + 1))
    )
    left = end = _LINE // 2
    for digit in digits:
        top = int(
            _LINE / 2 + generator.uniform(-_JITTER, _JITTER) * _LINE + (_LINE - digit.shape[0]) / 2
        )
        place = line[top : top + digit.shape[0], left : left + digit.shape[1]]
        np.maximum(place, digit, out=place)
        end = left + digit.shape[1]
        left = end + int(generator.uniform(*SPACINGS[spacing]) * _LINE)
    return _encode(line[:, : end + _LINE // 2], paper, generator)


def _enlarged(image: npt.NDArray[np.uint8]) -> Ink:
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    ink = Image.fromarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return (
        np.asarray(
            ink.resize((ink.width * _SCALE, ink.height * _SCALE), Image.Resampling.BICUBIC),
            np.float64,
        )
        / 255
    )


def _encode(ink: Ink, paper: str, generator: np.random.Generator) -> bytes:
    file = io.BytesIO()
    if paper == "plain":
        Image.fromarray((255 * (1 - ink)).astype(np.uint8)).save(file, "PNG")
        return file.getvalue()
    light = (
        215
        - 45 * np.linspace(0, 1, ink.shape[1])
        - 25 * np.linspace(0, 1, ink.shape[0])[:, np.newaxis]
    )
    grey = light * (1 - 0.75 * ink) + generator.normal(0, 5, ink.shape)
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=70)
    return file.getvalue()


def bench(count: int, data: Path | None) -> dict[str, object]:
    """Read so many numbers of every spacing and paper."""
    version = store.served(RELEASED)
    assert version is not None
    manifest = read_manifest(store.folder_of(RELEASED, version))
    parts = split(
        load(data),
        int(manifest.config["validation_size"]),
        int(manifest.config.get("data_seed", manifest.seed)),
    )
    with serve_released() as (grpc, _), connect(f"grpc://127.0.0.1:{grpc}", deadline=30) as client:
        rows = [
            _row(client, parts, spacing, paper, count) for spacing in SPACINGS for paper in PAPERS
        ]
    return {"model": MODEL_NAME, "version": version, "digits_a_number": [1, _LONGEST], "rows": rows}


def _row(client: Client, parts: Split, spacing: str, paper: str, count: int) -> dict[str, object]:
    generator = np.random.default_rng([_SEED, list(SPACINGS).index(spacing), PAPERS.index(paper)])
    right = counted = 0
    seconds: list[float] = []
    for _ in range(count):
        chosen = generator.integers(
            len(parts.x_validation), size=int(generator.integers(1, _LONGEST + 1))
        )
        picture = write_number(parts.x_validation[chosen], spacing, paper, generator)
        begin = time.perf_counter()
        number = client.read_number(picture)
        seconds.append(time.perf_counter() - begin)
        right += number.text == "".join(str(label) for label in parts.y_validation[chosen])
        counted += len(number.digits) == len(chosen)
    print(
        f"{spacing}, {paper}: {right} of {count} numbers of 1 to {_LONGEST} digits read right",
        flush=True,
    )
    return {
        "spacing": spacing,
        "paper": paper,
        "numbers": count,
        "read_right": right / count,
        "interval": list(interval(right / count, count)),
        "as_many_digits_as_written": counted / count,
        "median_ms": 1000 * statistics.median(seconds),
    }


class NumbersSettings(DataBenchmarkSettings):
    """How many whole numbers are read right."""

    program: ClassVar[str] = "python -m benchmarks.numbers"

    count: int = Field(default=200, ge=1, description="numbers of each spacing and paper")


@in_one_line(NumbersSettings.program)
def main(argv: Sequence[str]) -> int:
    """Measure and write; returns the exit code."""
    chosen = load_settings(NumbersSettings, argv)
    found = bench(chosen.count, data_or_default(chosen.data))
    record(found, chosen.results / RESULTS_FILE, "benchmarks.numbers", argv)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
