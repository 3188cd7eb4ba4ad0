"""What was measured of each variant: `results/ablation.json`, and its tables."""

from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from statistics import mean
from typing import Final

from pydantic import Field, TypeAdapter

from benchmarks.ablation.variants import EVERYTHING
from digits.files import write_synced
from trainer.provenance import Provenance
from trainer.reports.markdown import table

ABLATION_FILE: Final = "ablation.json"


class Ablation(Provenance):
    """One short training."""

    recipe: str = Field(default="augmented", description="what the variant changes")
    variant: str
    seed: int
    train_size: int = Field(description="images that trained")
    measured_on: int = Field(description="training images that did not train, and measured")
    epochs: int
    precision: str
    loss: float = Field(description="mean categorical cross-entropy, nats")
    error: float = Field(ge=0, le=1, description="share of images read wrong")

    @property
    def comparable(self) -> tuple[str, int, int, int]:
        """Results that agree in this stand in one table."""
        return self.recipe, self.epochs, self.train_size, self.measured_on


_LAYOUT: Final = TypeAdapter(list[Ablation])


def read(path: Path) -> list[Ablation]:
    """What was measured before; nothing if there is no such file."""
    return _LAYOUT.validate_json(path.read_bytes()) if path.exists() else []


def append(result: Ablation, path: Path) -> None:
    """Add one result to the file."""
    write_synced(path, _LAYOUT.dump_json([*read(path), result], indent=2) + b"\n")


def tables(results: Sequence[Ablation]) -> list[list[Ablation]]:
    """The results, those together that can be compared."""
    groups: dict[tuple[str, int, int, int], list[Ablation]] = {}
    for result in results:
        groups.setdefault(result.comparable, []).append(result)
    return list(groups.values())


def compose(results: Sequence[Ablation]) -> str:
    """The table of comparable results: a row a variant, with mean error and loss, and the distance
    from everything with the same seeds."""
    whole = {result.seed: result.error for result in results if result.variant == EVERYTHING}
    rows, first = [], results[0]
    for variant in dict.fromkeys(result.variant for result in results):
        alike = [result for result in results if result.variant == variant]
        apart = mean(result.error - whole[result.seed] for result in alike)
        loss = mean(result.loss for result in alike)
        rows.append(
            [
                variant,
                str(len(alike)),
                f"{mean(result.error for result in alike):.2%}",
                f"{apart:+.2%}",
                f"{loss:.4f}",
            ]
        )
    standard_error = sqrt(mean(whole.values()) * (1 - mean(whole.values())) / first.measured_on)
    return (
        f"{table(['recipe', 'seeds', 'error', 'against everything', 'loss'], rows)}\n\n"
        f"conv3 by the recipe {first.recipe}, {first.train_size:,} images, {first.epochs} epochs; "
        "measured on "
        f"{first.measured_on:,} others; the standard error of one error is {standard_error:.2%}."
    )
