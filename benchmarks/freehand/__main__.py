"""How well a published version reads what people draw, and refuses what is no digit: `python -m
benchmarks.freehand`.

Asks the SavedModel itself, as a server does, about drawings of the validation digits of its own
run; with `--pen_strokes` about recorded handwriting too, and with `--not_digits` about images that
are none. Writes results/freehand.json, and the same as a page with the mistakes that remain into a
folder of its own, since those show the data.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from benchmarks.freehand.pen_digits import read_pen_digits
from benchmarks.freehand.record import (
    FORMS,
    FREEHAND_FILE,
    PENS,
    VALIDATION,
    FreehandResult,
    write_page,
)
from benchmarks.freehand.rejection import asker, read_strangers, reject
from benchmarks.options import DataBenchmarkSettings
from digits import store
from digits.contract import MODEL_NAME, OOD_SCORE
from digits.errors import StoreError, VersionError
from digits.files import write_synced
from digits.manifest import read_manifest
from digits.settings import load as load_settings
from trainer.data.dataset import load
from trainer.data.split import split
from trainer.errors import TrainerError
from trainer.evaluation.freehand_score import score
from trainer.freehand import forms
from trainer.freehand.drawings import MOST, Drawings, draw, draw_forms, draw_strokes
from trainer.provenance import Provenance, describe_command
from trainer.settings import data_or_default


class FreehandSettings(DataBenchmarkSettings):
    """How well a published version reads what people draw, and refuses what is no digit."""

    program: ClassVar[str] = "python -m benchmarks.freehand"

    models: Path = Field(default=Path("models") / MODEL_NAME, description="folder of the versions")
    version: int | None = Field(
        default=None, ge=1, description="number of the version; default: the served one"
    )
    pen_strokes: Path | None = Field(
        default=None, description="recorded pens; default: the variable PEN_STROKES"
    )
    forms: int = Field(default=40, ge=1, description="synthetic drawings of each form, on average")
    not_digits: Path | None = Field(
        default=None, description="images that are none; default: the variable NOT_DIGITS"
    )
    page: Path = Field(default=Path("runs") / "freehand", description="folder for the page")


def main(argv: Sequence[str]) -> int:
    """Measure and write; returns the exit code."""
    settings = load_settings(FreehandSettings, argv)
    settings = settings.model_copy(
        update={
            "data": data_or_default(settings.data),
            "pen_strokes": settings.pen_strokes or _named("PEN_STROKES"),
            "not_digits": settings.not_digits or _named("NOT_DIGITS"),
        }
    )
    try:
        _run(settings, describe_command("benchmarks.freehand", argv))
    except (TrainerError, StoreError, VersionError) as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, TrainerError) else 1
    return 0


def _named(variable: str) -> Path | None:
    path = os.environ.get(variable)
    return Path(path) if path else None


def _run(settings: FreehandSettings, command: str) -> None:
    number = settings.version or store.served(settings.models)
    if number is None:
        raise StoreError(
            f"expected a version in '{settings.models}'; received none; publish one with make train"
        )
    folder = store.folder_of(settings.models, number)
    manifest = read_manifest(folder)
    data = load(settings.data, manifest.data["name"], manifest.labels, None)
    parts = split(
        data,
        int(manifest.config["validation_size"]),
        int(manifest.config.get("data_seed", manifest.seed)),
    )
    ask = asker(folder)
    drawn = {
        VALIDATION: draw(parts.x_validation, parts.y_validation),
        FORMS: draw_forms(settings.forms * len(forms.read_forms()), forms.HELD_OUT),
    }
    if settings.pen_strokes:
        drawn[PENS] = recorded(settings.pen_strokes)
    answers = {name: ask(drawings.pictures) for name, drawings in drawn.items()}
    strangers = read_strangers(settings.not_digits) if settings.not_digits else {}
    result = FreehandResult(
        version=number,
        created=manifest.created,
        scores={
            name: score(answers[name]["probabilities"], drawings)
            for name, drawings in drawn.items()
        },
        rejection=reject(ask, parts, answers, strangers)
        if OOD_SCORE in answers[VALIDATION]
        else None,
        **Provenance.now(command).model_dump(),
    )
    settings.results.mkdir(parents=True, exist_ok=True)
    write_synced(
        settings.results / FREEHAND_FILE, (result.model_dump_json(indent=2) + "\n").encode()
    )
    write_page(
        result, {name: answers[name]["images"] for name in drawn}, manifest.labels, settings.page
    )


def recorded(path: Path) -> Drawings:
    """Drawings of recorded pens: of the hands that nothing was tuned with."""
    pens = read_pen_digits(path).half(1)
    chosen = np.random.default_rng(0).permutation(len(pens.labels))[:MOST]
    return draw_strokes([pens.strokes[number] for number in chosen], pens.labels[chosen])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
