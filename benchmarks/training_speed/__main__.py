"""How fast we train, against the notebook's code and against the machine: `python -m
benchmarks.training_speed`.

All in one run and interleaved, since a machine's speed drifts: a round is some steps of each, and
the trainings to the notebook's accuracy take turns epoch by epoch. Kept in
results/training-speed.json beside what other machines measured.
"""

import sys
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from benchmarks.options import DataBenchmarkSettings, in_one_line
from benchmarks.training_speed.accuracy import NOTEBOOK_EPOCHS, measure_to_accuracy, ratios
from benchmarks.training_speed.record import SPEED_FILE, Speed, keep
from benchmarks.training_speed.steps import measure_steps
from digits.settings import load as load_settings
from trainer.data.dataset import MNIST, load
from trainer.data.split import split
from trainer.provenance import Provenance, describe_command
from trainer.settings import data_or_default
from trainer.training.device import choose_device


class SpeedSettings(DataBenchmarkSettings):
    """How fast we train, against the notebook's code and against the machine."""

    program: ClassVar[str] = "python -m benchmarks.training_speed"

    rounds: int = Field(default=5, ge=1, description="times each step is measured")
    steps: int = Field(default=10, ge=1, description="steps a measurement")
    runs: int = Field(
        default=3, ge=1, description="our trainings to the target, each with its own seed"
    )
    notebook_epochs: int = Field(
        default=NOTEBOOK_EPOCHS, ge=1, description="most epochs of the notebook's"
    )


@in_one_line(SpeedSettings.program)
def main(argv: Sequence[str]) -> int:
    """Measure and write; returns the exit code."""
    settings = load_settings(SpeedSettings, argv)
    gpus = choose_device("auto", 1, deterministic=False)
    data = load(data_or_default(settings.data), MNIST, None, None)
    parts = split(data, 5_000, 1)
    steps, peak = measure_steps(parts, settings.rounds, settings.steps)
    trainings = measure_to_accuracy(parts, settings.runs, settings.notebook_epochs)
    speed = Speed(
        peak_gflop_per_s=peak,
        steps=steps,
        to_accuracy=trainings,
        **ratios(trainings),
        **Provenance.now(describe_command("benchmarks.training_speed", argv), gpus).model_dump(),
    )
    keep(speed, settings.results / SPEED_FILE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
