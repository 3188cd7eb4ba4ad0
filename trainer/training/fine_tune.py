"""Go on from the served version, with drawings that people put right among the training images."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

from digits import store
from digits.contract import PREDICT
from digits.errors import VersionError
from digits.manifest import Manifest, verify
from trainer.context import Context
from trainer.data.arrays import Images
from trainer.data.corrections import Corrections, mix, read_corrections
from trainer.data.dataset import DataSet
from trainer.data.split import Split
from trainer.errors import DataError, ResumeError
from trainer.evaluation.result import Run
from trainer.networks.architecture import ARCHITECTURES, build
from trainer.networks.inference import predict
from trainer.networks.trained import TrainedNetwork
from trainer.settings import TrainerSettings

_PREFIX: Final = 8
"""Hexadecimal digits of a digest that name a folder."""


@dataclass(frozen=True, eq=False)
class Start:
    """Where a fine-tuning begins, and what it adds to the training images.

    Attributes:
        version: number of the served version.
        model: its network, in float32.
        corrections: drawings that people put right; None where there are none.
        drawings: how many training images are drawn as people would.
    """

    version: int
    model: keras.Model
    corrections: Corrections | None
    drawings: int

    def name(self) -> str:
        """What the run is bound to."""
        return f"version {self.version}, corrections {self._digest()}, {self.drawings} drawings"

    def folder(self, settings: TrainerSettings) -> Path:
        """Where the run goes unless told otherwise: one folder for each start and its teachers."""
        name = f"{settings.recipe}-{settings.model_name}-v{self.version}-seed{settings.seed}"
        added = f"{self._digest()[:_PREFIX]}-{self.drawings}-{settings.chosen_recipe().forms}"
        teachers = hashlib.sha256(" ".join(map(str, settings.teachers)).encode()).hexdigest()
        by = f"-{teachers[:_PREFIX]}" if settings.teachers else ""
        return Path("runs") / f"{name}-{added}{by}"

    def _digest(self) -> str:
        return self.corrections.digest() if self.corrections else "none"

    def mix(self, parts: Split) -> Split:
        """Put the corrections among the training images; those that validate stay as they are."""
        return mix(parts, self.corrections) if self.corrections else parts

    def describe(self, run: Run, model: keras.Model) -> Run:
        """The result of the run with what `model` started from; prints what became of the
        corrections that were held out."""
        found = self.findings(model)
        if "held_out" in found:
            before, after = found["held_out_right_before"], found["held_out_right_after"]
            print(
                f"of {found['held_out']} corrections held out, {before} were read right before and "
                f"{after} are now"
            )
        return run.model_copy(update={"settings": run.settings | {"fine_tuned": found}})

    def findings(self, model: keras.Model) -> dict[str, Any]:
        """Where `model` came from, and how many held-out corrections are classified correctly."""
        found: dict[str, Any] = {"from_version": self.version, "drawings": self.drawings}
        if self.corrections is None:
            return found
        held_out = self.corrections.held_out
        images, labels = self.corrections.images[held_out], self.corrections.labels[held_out]
        before, after = (_right(one, images, labels) for one in (self.model, model))
        return found | {
            "corrections": len(held_out),
            "digest": self.corrections.digest(),
            "held_out": len(labels),
            "held_out_right_before": before,
            "held_out_right_after": after,
        }

    def network(self, context: Context) -> TrainedNetwork:
        """The version as the teacher of its own fine-tuning, which gives the first weights too."""
        (name,), seed = context.settings.architectures, context.settings.seed
        validation = predict(self.model, context.split.x_validation)
        return TrainedNetwork(name, seed, self.model, [], validation)


def begin(settings: TrainerSettings, data: DataSet) -> tuple[TrainerSettings, Start]:
    """Read the served version and the corrections.

    Args:
        settings: of a run with the recipe "fine-tune".
        data: what the version was trained on.

    Returns:
        The settings with the version's architecture and validation images, in a run folder for this
        version and these corrections.

    Raises:
        DataError: there are no corrections, or the version was trained on other data.
        ResumeError: there is no version to go on from.
    """
    base = settings.models / settings.model_name
    number = store.served(base)
    if number is None:
        raise ResumeError(
            f"expected a served version to go on from; received none in '{base}'; publish one "
            "with make train"
        )
    model, manifest = read_published(store.folder_of(base, number))
    check_data(manifest, data, number)
    corrections = (
        read_corrections(settings.corrections, data.labels) if settings.corrections else None
    )
    start = Start(number, model, corrections, settings.drawings)
    return settings.model_copy(
        update={
            "architectures": (manifest.architecture,),
            "validation_size": int(manifest.config["validation_size"]),
            "data_seed": int(manifest.config.get("data_seed", manifest.seed)),
            "run_dir": settings.run_dir or start.folder(settings),
        }
    ), start


def check_data(manifest: Manifest, data: DataSet, number: int) -> None:
    """Refuse data other than those that version `number` was trained on.

    Raises:
        DataError: they are.
    """
    if (
        manifest.data != {"name": data.name, **data.digests}
        or tuple(manifest.labels) != data.labels
    ):
        raise DataError(
            f"expected the data that version {number} was trained on, "
            f"'{manifest.data.get('name')}'; received other; set DIGITS_DATA"
        )


def read_published(folder: Path) -> tuple[keras.Model, Manifest]:
    """The network inside a published version, in float32, and the version's manifest.

    Raises:
        ResumeError: the version is damaged, or holds no network of `trainer.networks.architecture`,
            such as an ensemble.
    """
    try:
        manifest = verify(folder)
        # Kept: a signature alone does not keep its variables.
        saved = tf.saved_model.load(str(folder))
        found = {
            variable.name.partition(":")[0]: variable.numpy()
            for variable in saved.signatures[PREDICT].variables
        }
    except (VersionError, OSError, KeyError, ValueError, tf.errors.OpError) as error:
        raise ResumeError(
            f"expected a whole version to go on from; received: {error}; publish one with make "
            "train"
        ) from error
    if manifest.architecture not in ARCHITECTURES:
        raise ResumeError(
            f"expected a version that is one network; received '{manifest.architecture}'; promote "
            "another with make promote"
        )
    model = build(manifest.architecture, len(manifest.labels))
    model.set_weights([found[weight.path] for weight in model.weights])
    return model, manifest


def read_teacher(folder: Path, context: Context) -> TrainedNetwork:
    """A published version as a teacher.

    Raises:
        ResumeError: it is damaged or no single network, or it was trained on images that are kept
            for validation here.
    """
    model, manifest = read_published(folder)
    settings, data, config = context.settings, context.data, manifest.config
    there = (manifest.data, config["validation_size"], config.get("data_seed", manifest.seed))
    here = ({"name": data.name, **data.digests}, settings.validation_size, settings.data_seed)
    if there != here:
        raise ResumeError(
            f"expected a teacher that never saw this run's validation images; received '{folder}', "
            "which has other data, --data_seed or --validation_size; train with the same"
        )
    validation = predict(model, context.split.x_validation)
    # A seed of its own: a student of the same architecture begins with new weights.
    return TrainedNetwork(manifest.architecture, -1, model, [], validation)


def _right(model: keras.Model, images: Images, labels: np.ndarray[Any, np.dtype[np.uint8]]) -> int:
    return (
        int(np.count_nonzero(predict(model, images).argmax(axis=1) == labels)) if len(labels) else 0
    )
