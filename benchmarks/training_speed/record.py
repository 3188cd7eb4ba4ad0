"""What the speed of training is recorded as: `results/training-speed.json`."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from digits.files import write_synced
from trainer.provenance import Provenance

SPEED_FILE: Final = "training-speed.json"
SIDE: Final = 4096
"""Rows and columns of the matrices whose product is taken as the machine's peak."""


class Spread(BaseModel):
    """Some timings of the same thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    median: float
    least: float
    most: float


class Steps(BaseModel):
    """Training steps of one network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(
        description="notebook: model.fit as one writes it; ours: the trainer's step; cropped: "
        "ours, see benchmarks.cropped_conv"
    )
    architecture: str
    precision: str
    batch_size: int = Field(description="images a step")
    ms_per_step: Spread
    images_per_s: float = Field(description="by the median")
    gflop_per_step: float = Field(
        description="multiplications and additions of forward and backward pass, 10^9, by the "
        "layers' shapes"
    )
    share_of_peak: float = Field(description="of the measured matrix product in the same precision")


class ToAccuracy(BaseModel):
    """One training until the validation images are read as well as the notebook ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(description="notebook or ours")
    recipe: str
    precision: str
    seed: int
    target: float = Field(description="share of the validation images read right")
    accuracies: tuple[float, ...] = Field(description="after each epoch")
    epochs: int | None = Field(description="epochs to the target; null: not reached")
    seconds: float | None = Field(
        description="training and validation to the target, with compilation; null: not reached"
    )
    seconds_per_epoch: Spread


class Speed(Provenance):
    """What `python -m benchmarks.training_speed` measured."""

    peak_gflop_per_s: dict[str, float] = Field(
        description=f"product of two {SIDE} x {SIDE} matrices, by precision, the best of its rounds"
    )
    steps: tuple[Steps, ...]
    to_accuracy: tuple[ToAccuracy, ...]
    of_the_notebooks_time_to_accuracy: float | None = Field(
        description="our median time to the target over the notebook code's"
    )
    of_the_notebooks_whole_time: float | None = Field(
        description="the same over 12 of the notebook code's epochs, by its median epoch"
    )


_LIST: Final = TypeAdapter(tuple[Speed, ...])


def read(path: Path) -> tuple[Speed, ...]:
    """What was recorded, one entry for each machine; nothing where there is no file."""
    return _LIST.validate_json(path.read_bytes()) if path.exists() else ()


def keep(speed: Speed, path: Path) -> None:
    """Put `speed` beside what other machines measured, in the place of an earlier one of its
    machine."""
    others = [one for one in read(path) if one.machine != speed.machine]
    entries = tuple(sorted([*others, speed], key=lambda one: one.machine))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_synced(path, _LIST.dump_json(entries, indent=2) + b"\n")


def spread_of(values: Sequence[float]) -> Spread:
    return Spread(median=median(values), least=min(values), most=max(values))
