"""How well every published version reads the drawings that people put right: `python -m
trainer.score_corrections --corrections FOLDER`."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import tensorflow as tf
from pydantic import Field

from digits import store
from digits.contract import PREDICT
from digits.errors import StoreError, VersionError
from digits.manifest import verify
from digits.settings import Settings, load
from trainer.data.corrections import Corrections, read_corrections
from trainer.errors import TrainerError
from trainer.reports.markdown import table

_BATCH: Final = 256


class ScoreSettings(Settings):
    """How well every published version reads the drawings that people put right."""

    program: ClassVar[str] = "python -m trainer.score_corrections"
    env_prefix: ClassVar[str] = "INKWELL_SCORE_"

    corrections: Path = Field(description="folder that the page keeps them in")
    models: Path = Field(default=Path("models"), description="folder of published models")


def main(argv: Sequence[str]) -> int:
    """Print a row for each version; returns the exit code."""
    settings = load(ScoreSettings, argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    try:
        rows = list(_rows(settings.models, settings.corrections))
    except (TrainerError, StoreError, VersionError) as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, TrainerError) else 1
    print(table(("version", "", "read right", "of those held out from fine-tuning"), rows))
    return 0


def _rows(models: Path, folder: Path) -> Iterator[tuple[str, ...]]:
    bases = (
        sorted(
            path
            for path in models.iterdir()
            if path.is_dir() and (store.versions(path) or store.held(path))
        )
        if models.is_dir()
        else []
    )
    if not bases:
        raise StoreError(
            f"expected published versions below '{models}'; received none; publish one with make "
            "train"
        )
    for base in bases:
        for number in sorted({*store.versions(base), *store.held(base)}):
            version = store.folder_of(base, number)
            corrections = read_corrections(folder, tuple(verify(version).labels))
            state = (
                "served"
                if number == store.served(base)
                else "held"
                if number in store.held(base)
                else ""
            )
            yield f"{base.name} {number}", state, *_scores(version, corrections)


def _scores(version: Path, corrections: Corrections) -> tuple[str, str]:
    # Kept: a signature alone does not keep its variables.
    loaded = tf.saved_model.load(str(version))
    answer = loaded.signatures[PREDICT]
    batches = [
        corrections.images[start : start + _BATCH]
        for start in range(0, len(corrections.images), _BATCH)
    ]
    read = np.concatenate([answer(images=tf.constant(batch))["digit"].numpy() for batch in batches])
    right, held_out = read == corrections.labels, corrections.held_out
    return f"{right.sum()} of {len(right)}", f"{right[held_out].sum()} of {held_out.sum()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
