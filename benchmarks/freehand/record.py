"""What is recorded of a version and drawings: `results/freehand.json`, and a page."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from digits.files import write_synced
from trainer.data.arrays import Images
from trainer.evaluation.freehand_score import FreehandScore
from trainer.provenance import Provenance
from trainer.reports.freehand_report import EXPLANATION, compare, gallery
from trainer.reports.markdown import table

FREEHAND_FILE: Final = "freehand.json"
PAGE_FILE: Final = "freehand.md"
VALIDATION: Final = "validation digits, drawn"
PENS: Final = "recorded pens"
FORMS: Final = "forms, held-out seed"


class Rejection(BaseModel):
    """How well what is no digit is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    false_rejection: dict[str, float] = Field(
        description="share of digits told not to be one, by where they come from"
    )
    accepted: dict[str, float] = Field(
        description="share of drawings that are none, but are taken for digits, by kind"
    )
    auroc: dict[str, float] = Field(
        description="how often one of that kind scores above a validation digit, drawn or not"
    )


class FreehandResult(Provenance):
    """What `python -m benchmarks.freehand` measured."""

    version: int = Field(description="number of the version")
    created: str = Field(description="when that was exported")
    scores: dict[str, FreehandScore] = Field(description="by where the digits come from")
    rejection: Rejection | None = Field(
        description="null where the version does not tell what is no digit"
    )


def write_page(
    result: FreehandResult, seen: dict[str, Images], labels: tuple[str, ...], folder: Path
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sections = [
        f"# What version {result.version} makes of drawings",
        EXPLANATION,
        compare(result.scores),
    ]
    for number, (name, one) in enumerate(result.scores.items()):
        gallery(one, seen[name], labels, name, folder / f"mistakes-{number}.png")
        if one.mistakes:
            sections.append(f"![{name}: the most confident mistakes](mistakes-{number}.png)")
    if result.rejection:
        turned_away = [
            [name, f"{share:.2%}"] for name, share in result.rejection.false_rejection.items()
        ]
        kinds = [
            [name, f"{share:.1%}", f"{result.rejection.auroc[name]:.4f}"]
            for name, share in result.rejection.accepted.items()
        ]
        sections += [
            table(["digits", "told not to be one"], turned_away),
            table(["no digits", "taken for one", "AUROC"], kinds),
        ]
    write_synced(
        folder / PAGE_FILE,
        ("\n\n".join([*sections, f"```sh\n{result.command}\n```"]) + "\n").encode(),
    )
