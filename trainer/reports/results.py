"""The record of results that the project keeps: `results/training.json` and plots."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)

from digits.files import write_synced
from trainer.errors import OutputError
from trainer.evaluation.label_errors import DisputedScores
from trainer.evaluation.result import SETS, Metrics, Run
from trainer.provenance import Provenance

RESULTS_FILE: Final = "training.json"
PLOTS: Final = "plots"
"""Folder of the plots, in a run's folder and in the one of the results."""
GALLERY: Final = "mistakes-"
"""How the names of the galleries of mistakes begin. They show images of the data set, which stays
with the run and is not recorded."""
CONFIDENCE_FILE: Final = "confidence.json"
"""Beside the plots: what each network knows about its answers,
`trainer.evaluation.confidence.Confidence` by architecture."""


class TrainingResult(Provenance):
    """One network of one run: an entry of `results/training.json`."""

    architecture: str = Field(description="name of the network")
    recipe: str = Field(description="name of the training recipe")
    seed: int = Field(description="seed of the run")
    epochs: int = Field(
        ge=0, description="number of epochs trained; 0 for an ensemble, which is not trained itself"
    )
    precision: str = Field(description="precision of the training: float32 or bfloat16")
    parameters: int = Field(ge=0, description="number of weights, trainable or not")
    data: str = Field(description="name of the data set; `mnist` is the real one")
    train_size: int = Field(
        ge=1, description="number of training images, without the validation images"
    )
    validation: Metrics = Field(
        description="`NetworkResult.metrics`; older records have fewer. In the file each stands "
        "by itself: validation_accuracy, validation_loss, …"
    )
    test: Metrics = Field(description="the same: test_accuracy, test_loss, …")
    temperature: float | None = Field(
        default=None, gt=0, description="what the logits are divided by; not in older records"
    )
    disputed: DisputedScores | None = Field(
        default=None, description="the test images whose label people dispute"
    )
    freehand_accuracy: float | None = Field(
        default=None, ge=0, le=1, description="accuracy on drawings; not in older records"
    )
    seconds: float = Field(ge=0, description="duration of the training with its validations, s")
    validation_accuracy_by_epoch: tuple[float, ...] = Field(
        description="accuracy on the validation set after each epoch"
    )

    @property
    def key(self) -> tuple[str, str, str, str, int, int]:
        """Two results with the same key are the same experiment; the later one counts."""
        return (self.data, self.recipe, self.precision, self.architecture, self.epochs, self.seed)

    @model_validator(mode="before")
    @classmethod
    def _gather_metrics(cls, entry: object) -> object:
        if not isinstance(entry, dict):
            return entry
        gathered = dict(entry)
        for name in SETS:
            alone = [
                key for key in entry if key.startswith(f"{name}_") and key not in cls.model_fields
            ]
            found = {key.removeprefix(f"{name}_"): gathered.pop(key) for key in alone}
            gathered.setdefault(name, found)
        return gathered

    @model_serializer(mode="wrap")
    def _spread_metrics(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        entry: dict[str, Any] = dump(self)
        for name in SETS:
            entry |= {f"{name}_{key}": value for key, value in entry.pop(name, {}).items()}
        return entry


_LAYOUT: Final = TypeAdapter(list[TrainingResult])


def read_results(results: Path) -> list[TrainingResult]:
    """The results kept in the folder `results`, sorted by their key; none if there is no file yet.

    Raises:
        OutputError: the file cannot be read or holds something else.
    """
    try:
        return _LAYOUT.validate_json((results / RESULTS_FILE).read_bytes())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OutputError(
            f"expected a readable {RESULTS_FILE}; received: {error.strerror}; fix its permissions"
        ) from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise OutputError(
            f"expected {RESULTS_FILE} to be a list of results; received at {where}: "
            f"{fault['msg']}; fix it or move it away"
        ) from error


def record(run: Run, run_folder: Path, results: Path) -> None:
    """Keep what `run` measured: its entries replace those of the same key, its plots go beside
    them.

    Args:
        run: what was measured.
        run_folder: folder of the run, with the plots that `trainer.reports.report.write` made.
        results: folder to keep it in, made if absent.

    Raises:
        OutputError: the folder cannot be written, or holds a file that is not ours; that is left as
            it is.
    """
    try:
        results.mkdir(parents=True, exist_ok=True)
        with _locked(results):
            kept = {result.key: result for result in read_results(results)}
            kept.update((result.key, result) for result in flatten(run))
            _copy_plots(run_folder / PLOTS, results / PLOTS / plots_name(run))
            in_order = sorted(kept.values(), key=lambda result: result.key)
            content = _LAYOUT.dump_json(in_order, indent=2, exclude_none=True) + b"\n"
            write_synced(results / RESULTS_FILE, content)
    except OSError as error:
        raise OutputError(
            f"expected a results folder that can be written; received: {error.strerror}; choose "
            "another"
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder, so that trainings that end at the same time keep each other's entries."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _copy_plots(made: Path, kept: Path) -> None:
    kept.mkdir(parents=True, exist_ok=True)
    drawn = [plot for plot in made.glob("*.png") if not plot.name.startswith(GALLERY)]
    for plot in sorted([*drawn, *made.glob(CONFIDENCE_FILE)]):
        shutil.copyfile(plot, kept / plot.name)


def plots_name(run: Run) -> str:
    """Name of the folder that keeps the plots of `run` among those of other runs."""
    return f"{run.data}-{run.recipe}-{run.precision}-seed{run.seed}"


def flatten(run: Run) -> list[TrainingResult]:
    """The entries of `run`, one a network."""
    shared = {
        name: getattr(run, name)
        for name in (*Provenance.model_fields, "recipe", "seed", "precision", "data", "train_size")
    }
    return [
        TrainingResult(
            architecture=network.architecture,
            epochs=len(network.history),
            parameters=network.parameters,
            validation=network.metrics("validation"),
            test=network.metrics("test"),
            temperature=network.confidence.temperature,
            disputed=network.confidence.disputed,
            freehand_accuracy=network.freehand.accuracy if network.freehand else None,
            seconds=network.seconds,
            validation_accuracy_by_epoch=tuple(
                epoch.validation_accuracy for epoch in network.history
            ),
            **shared,
        )
        for network in run.networks
    ]
