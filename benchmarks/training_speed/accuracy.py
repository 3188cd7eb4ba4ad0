"""Trainings to the notebook's accuracy, with its code and with ours."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import keras

from benchmarks import keras_baseline
from benchmarks.training_speed.record import ToAccuracy, spread_of
from trainer.data.split import Split
from trainer.evaluation.published_baseline import REFERENCES
from trainer.networks.architecture import build
from trainer.recipes import RECIPES
from trainer.training.device import choose_precision
from trainer.training.fit import fit

FASTEST: Final = "fast"
"""The recipe that is to reach the notebook's accuracy first."""
_TARGET: Final = REFERENCES["conv3"].accuracy
NOTEBOOK_EPOCHS: Final = 12


def measure_to_accuracy(parts: Split, runs: int, notebook_epochs: int) -> tuple[ToAccuracy, ...]:
    """Train to the notebook's accuracy with its code and with ours, in turns: one of its epochs,
    one of our trainings."""
    keras.utils.set_random_seed(1)
    model, (x, y) = keras_baseline.conv3(), keras_baseline.prepare(parts.x_train, parts.y_train)
    validation = keras_baseline.prepare(parts.x_validation, parts.y_validation)
    seconds: list[float] = []
    accuracies: list[float] = []
    ours: list[ToAccuracy] = []
    while len(ours) < runs or (
        len(seconds) < notebook_epochs and max(accuracies, default=0) < _TARGET
    ):
        if len(seconds) < notebook_epochs and max(accuracies, default=0) < _TARGET:
            started = time.monotonic()
            history = model.fit(
                x,
                y,
                batch_size=keras_baseline.BATCH,
                epochs=1,
                validation_data=validation,
                verbose=0,
            )
            seconds.append(time.monotonic() - started)
            accuracies.append(history.history["val_accuracy"][0])
            print(
                f"notebook: epoch {len(seconds)}, validation accuracy {accuracies[-1]:.2%}, "
                f"{seconds[-1]:.0f} s"
            )
        if len(ours) < runs:
            ours.append(_our_training(parts, len(ours) + 1))
    theirs = _to_accuracy(
        "notebook", "notebook", "float32", seed=1, accuracies=accuracies, seconds=seconds
    )
    return (theirs, *ours)


def _our_training(parts: Split, seed: int) -> ToAccuracy:
    precision = choose_precision("auto")
    with tempfile.TemporaryDirectory() as folder:
        history = fit(
            build("conv3", seed=seed, precision=precision),
            parts,
            RECIPES[FASTEST],
            seed,
            Path(folder),
        )
    accuracies = [epoch.validation_accuracy for epoch in history]
    return _to_accuracy(
        "ours",
        FASTEST,
        precision,
        seed=seed,
        accuracies=accuracies,
        seconds=[epoch.seconds for epoch in history],
    )


def _to_accuracy(
    code: str,
    recipe: str,
    precision: str,
    *,
    seed: int,
    accuracies: Sequence[float],
    seconds: Sequence[float],
) -> ToAccuracy:
    reached = next(
        (number for number, accuracy in enumerate(accuracies, 1) if accuracy >= _TARGET), None
    )
    return ToAccuracy(
        code=code,
        recipe=recipe,
        precision=precision,
        seed=seed,
        target=_TARGET,
        accuracies=tuple(accuracies),
        epochs=reached,
        seconds=None if reached is None else sum(seconds[:reached]),
        seconds_per_epoch=spread_of(seconds),
    )


def ratios(trainings: Sequence[ToAccuracy]) -> dict[str, float | None]:
    theirs, *ours = trainings
    reached = [training.seconds for training in ours if training.seconds is not None]
    ours_took = median(reached) if len(reached) == len(ours) else None
    return {
        "of_the_notebooks_time_to_accuracy": ours_took / theirs.seconds
        if ours_took and theirs.seconds
        else None,
        "of_the_notebooks_whole_time": ours_took
        / (NOTEBOOK_EPOCHS * theirs.seconds_per_epoch.median)
        if ours_took
        else None,
    }
