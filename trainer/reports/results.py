"""What a run measured, and the record of it that the project keeps: `results/training.json` and
plots."""

import shutil
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from digits.files import write_synced
from trainer.errors import OutputError
from trainer.evaluation.confidence import Confidence, ConfidenceSummary
from trainer.evaluation.freehand_score import FreehandScore
from trainer.evaluation.metrics import Scores
from trainer.evaluation.selection import Choice
from trainer.training.history import History

RESULTS_FILE: Final = "training.json"
PLOTS: Final = "plots"
"""Folder of the plots, in a run's folder and in the one of the results."""
GALLERY: Final = "mistakes-"
"""How the names of the galleries of mistakes begin. They show images of the data set, which stays
with the run and is not recorded."""
CONFIDENCE_FILE: Final = "confidence.json"
"""Beside the plots: what each network knows about its answers,
`trainer.evaluation.confidence.Confidence` by architecture."""


class NetworkResult(BaseModel):
    """One network of a run, trained and scored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str = Field(description="name of the network")
    parameters: int = Field(ge=0, description="number of weights, trainable or not")
    history: History = Field(
        description="one entry an epoch, those of the weights it began with first; none for an "
        "ensemble"
    )
    validation: Scores = Field(description="scores on the validation set")
    test: Scores = Field(description="scores on the test set, taken once, after the choice")
    confidence: Confidence = Field(
        description="how far its probabilities can be believed, and its temperature"
    )
    freehand: FreehandScore | None = Field(
        default=None,
        description="how well it reads drawings of validation digits; null where the labels are "
        "no digits",
    )

    @property
    def seconds(self) -> float:
        """Duration of the training with its validations, s."""
        return sum(epoch.seconds for epoch in self.history)


class Run(BaseModel):
    """One run of the trainer: what went in, what came out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str = Field(description="name of the training recipe")
    seed: int = Field(description="seed of the run")
    precision: str = Field(
        description="precision of the computation, as Keras names its policy: float32, "
        "mixed_bfloat16, …"
    )
    data: str = Field(description="name of the data set; `mnist` is the real one")
    digests: dict[str, str] = Field(
        description="SHA-256 of each array of the data set, by the array's name"
    )
    labels: tuple[str, ...] = Field(description="text of each class")
    train_size: int = Field(
        ge=1, description="number of training images, without the validation images"
    )
    settings: dict[str, JsonValue] = Field(description="every setting of the run")
    networks: tuple[NetworkResult, ...] = Field(min_length=1, description="one entry a network")
    choice: Choice = Field(description="the network chosen on the validation set, and why")
    machine: str = Field(description="what it ran on, see `trainer.environment.describe_machine`")
    versions: dict[str, str] = Field(description="versions of Python and of the frameworks")
    code_revision: str = Field(description="revision of the code that ran")
    date: str = Field(description="day or time of the end, ISO 8601, UTC")
    command: str = Field(description="what to type to run it again")

    @property
    def winner(self) -> NetworkResult:
        """The chosen network."""
        return next(
            network for network in self.networks if network.architecture == self.choice.winner
        )


class TrainingResult(BaseModel):
    """One network of one run, flat: an entry of `results/training.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str = Field(description="name of the network")
    recipe: str = Field(description="name of the training recipe")
    seed: int = Field(description="seed of the run")
    epochs: int = Field(
        ge=0, description="number of epochs trained; 0 for an ensemble, which is not trained itself"
    )
    precision: str = Field(description="precision of the computation, as Keras names its policy")
    parameters: int = Field(ge=0, description="number of weights, trainable or not")
    data: str = Field(description="name of the data set; `mnist` is the real one")
    train_size: int = Field(
        ge=1, description="number of training images, without the validation images"
    )
    validation_size: int = Field(ge=1, description="number of validation images")
    test_size: int = Field(ge=1, description="number of test images")
    validation_accuracy: float = Field(
        ge=0, le=1, description="share of validation images read right"
    )
    validation_loss: float = Field(
        ge=0, description="mean categorical cross-entropy on the validation set, nats"
    )
    test_accuracy: float = Field(ge=0, le=1, description="share of test images read right")
    test_loss: float = Field(
        ge=0, description="mean categorical cross-entropy on the test set, nats"
    )
    seconds: float = Field(ge=0, description="duration of the training with its validations, s")
    validation_accuracy_by_epoch: tuple[float, ...] = Field(
        description="share of validation images read right after each epoch"
    )
    machine: str = Field(description="what it ran on")
    versions: dict[str, str] = Field(description="versions of Python and of the frameworks")
    code_revision: str = Field(description="revision of the code that ran")
    date: str = Field(description="day or time of the end, ISO 8601, UTC")
    command: str = Field(description="what to type to run it again")
    confidence: ConfidenceSummary | None = Field(
        default=None, description="how far its probabilities can be believed; not in older records"
    )
    freehand_accuracy: float | None = Field(
        default=None, ge=0, le=1, description="share of drawings read right; not in older records"
    )

    @property
    def key(self) -> tuple[str, str, str, str, int, int]:
        """Two results with the same key are the same experiment; the later one counts."""
        return (self.data, self.recipe, self.precision, self.architecture, self.epochs, self.seed)


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
            f"expected a readable {RESULTS_FILE}; received: {error.strerror}; mend its permissions"
        ) from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise OutputError(
            f"expected {RESULTS_FILE} to be a list of results; received at {where}: "
            f"{fault['msg']}; mend it or move it away"
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
    kept = {result.key: result for result in read_results(results)}
    kept.update((result.key, result) for result in flatten(run))
    try:
        plots = results / PLOTS / plots_name(run)
        plots.mkdir(parents=True, exist_ok=True)
        drawn = [
            plot for plot in (run_folder / PLOTS).glob("*.png") if not plot.name.startswith(GALLERY)
        ]
        for plot in sorted([*drawn, *(run_folder / PLOTS).glob(CONFIDENCE_FILE)]):
            shutil.copyfile(plot, plots / plot.name)
        in_order = sorted(kept.values(), key=lambda result: result.key)
        write_synced(
            results / RESULTS_FILE, _LAYOUT.dump_json(in_order, indent=2, exclude_none=True) + b"\n"
        )
    except OSError as error:
        raise OutputError(
            f"expected a results folder that can be written; received: {error.strerror}; choose "
            "another"
        ) from error


def plots_name(run: Run) -> str:
    """Name of the folder that keeps the plots of `run` among those of other runs."""
    return f"{run.data}-{run.recipe}-{run.precision}-seed{run.seed}"


def flatten(run: Run) -> list[TrainingResult]:
    """The entries of `run`, one a network."""
    return [
        TrainingResult(
            architecture=network.architecture,
            recipe=run.recipe,
            seed=run.seed,
            epochs=len(network.history),
            precision=run.precision,
            parameters=network.parameters,
            data=run.data,
            train_size=run.train_size,
            validation_size=network.validation.images,
            test_size=network.test.images,
            validation_accuracy=network.validation.accuracy,
            validation_loss=network.validation.loss,
            test_accuracy=network.test.accuracy,
            test_loss=network.test.loss,
            seconds=network.seconds,
            validation_accuracy_by_epoch=tuple(
                epoch.validation_accuracy for epoch in network.history
            ),
            machine=run.machine,
            versions=run.versions,
            code_revision=run.code_revision,
            date=run.date,
            command=run.command,
            confidence=ConfidenceSummary.of(network.confidence),
            freehand_accuracy=network.freehand.accuracy if network.freehand else None,
        )
        for network in run.networks
    ]
