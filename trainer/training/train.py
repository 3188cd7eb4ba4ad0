"""Train one network of a run and keep it, or take it from the run's folder where it is already
done."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from digits.files import write_synced
from trainer.data.augmentation import draw
from trainer.data.split import Split
from trainer.errors import ResumeError
from trainer.networks.architecture import ARCHITECTURES, build
from trainer.networks.history import History, read_history, write_history
from trainer.networks.inference import predict
from trainer.settings import TrainerSettings
from trainer.training.distillation import digest, kept_answers
from trainer.training.distribution import is_chief, wait_for_all
from trainer.training.fit import fit
from trainer.training.run_folder import bind_teachers, read_identity
from trainer.training.step import Lesson, Targets

MODEL_FILE: Final = "model.keras"
HISTORY_FILE: Final = "history.json"


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network.

    Attributes:
        name: name of the architecture.
        seed: of its run.
        model: the network with float32 arithmetic, as it will be exported.
        history: one entry an epoch.
        validation: its probabilities for the validation images, float32 [n, classes].
    """

    name: str
    seed: int
    model: keras.Model
    history: History
    validation: npt.NDArray[np.float32]


Teachers = Callable[[], Sequence[Trained]]


def train(
    name: str,
    settings: TrainerSettings,
    split: Split,
    classes: int,
    run: Path,
    *,
    strategy: tf.distribute.Strategy | None = None,
    teachers: Teachers = tuple,
    first: keras.Model | None = None,
) -> Trained:
    """Train one network, or read it from `run / name` if it has finished before.

    Args:
        name: of the architecture.
        settings: every choice of the run.
        split: the images that train, and those that measure.
        classes: how many labels there are.
        run: the run's folder.
        strategy: who shares each batch; None: this process alone.
        teachers: gives the networks that teach; called only where there is something left to learn.
        first: a network of the same architecture whose weights are the first ones; None: new
            weights, or a teacher's.

    Raises:
        OutputError: the run's folder cannot be written.
        ResumeError: `settings.publish_only` and the network has not finished, or the run was begun
            with other teachers.
    """
    folder = run / name
    if not (folder / HISTORY_FILE).exists():
        if settings.publish_only:
            raise ResumeError(
                f"expected a finished run; received '{run}' without a finished {name}; run it "
                "again without --publish_only"
            )
        strategy = strategy or tf.distribute.get_strategy()
        _train_and_save(
            name,
            settings,
            split,
            classes,
            folder,
            teachers=teachers(),
            first=first,
            strategy=strategy,
        )
        wait_for_all(strategy)
    return _read(folder, settings.seed, split)


def finished(run: Path, seed: int, split: Split) -> list[Trained]:
    """Read every network in the folder `run`, of a run with `seed`, that has finished."""
    return [
        _read(run / name, seed, split)
        for name in ARCHITECTURES
        if (run / name / HISTORY_FILE).exists()
    ]


def _read(folder: Path, seed: int, split: Split) -> Trained:
    try:
        model, history = (
            keras.saving.load_model(folder / MODEL_FILE),
            read_history(folder / HISTORY_FILE),
        )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ResumeError(
            f"expected the finished network in '{folder}'; received a damaged {MODEL_FILE} or "
            f"{HISTORY_FILE}; "
            f"remove {HISTORY_FILE}: the same command then goes on from the last checkpoint"
        ) from error
    return Trained(folder.name, seed, model, history, predict(model, split.x_validation))


def _train_and_save(
    name: str,
    settings: TrainerSettings,
    split: Split,
    classes: int,
    folder: Path,
    *,
    teachers: Sequence[Trained],
    first: keras.Model | None,
    strategy: tf.distribute.Strategy,
) -> None:
    recipe = settings.chosen_recipe()
    before = next(
        (teacher for teacher in teachers if (teacher.name, teacher.seed) == (name, settings.seed)),
        None,
    )
    targets = _targets(settings, split, classes, folder, teachers=teachers)
    lesson = _lessons(settings, split, targets, len(before.history) if before else 0)
    identity = {"network": name, **read_identity(folder.parent)}
    with strategy.scope():
        network = build(name, classes, settings.seed, settings.precision, recipe.initialisation)
        if origin := before.model if before else first:
            network.set_weights(origin.get_weights())
        network.summary()
        history = fit(
            network, split, recipe, settings.seed, folder, lesson=lesson, identity=identity
        )
    if is_chief(strategy):
        _save(name, classes, network, _joined(before.history if before else [], history), folder)


def _save(name: str, classes: int, network: keras.Model, history: History, folder: Path) -> None:
    """Leave the model, then the history: its presence says that the network is finished."""
    in_float32 = build(name, classes)
    in_float32.set_weights(network.get_weights())
    unsynced = folder / f"unsynced-{MODEL_FILE}"
    in_float32.save(unsynced)
    write_synced(folder / MODEL_FILE, unsynced.read_bytes())
    unsynced.unlink()
    write_history(history, folder / HISTORY_FILE)


def _joined(before: History, after: History) -> History:
    """All that the weights went through, its epochs numbered as one training."""
    return [
        *before,
        *(epoch.model_copy(update={"epoch": epoch.epoch + len(before)}) for epoch in after),
    ]


def _lessons(
    settings: TrainerSettings, split: Split, targets: Callable[[int], Targets], after: int
) -> Callable[[int], Lesson]:
    """What each epoch teaches; the views go on from those of the `after` epochs that the first
    weights went through."""
    augmentation, images = settings.chosen_recipe().augmentation, len(split.y_train)

    def lesson(epoch: int) -> Lesson:
        return Lesson(
            draw(augmentation, images, settings.data_seed, after + epoch), targets(after + epoch)
        )

    return lesson


def _targets(
    settings: TrainerSettings,
    split: Split,
    classes: int,
    folder: Path,
    *,
    teachers: Sequence[Trained],
) -> Callable[[int], Targets]:
    """What is to be answered in each epoch: the labels, or what the teachers say."""
    if not teachers:
        labels: Targets = np.eye(classes, dtype=np.float32)[split.y_train]
        return lambda _: labels
    models = [in_precision(teacher, classes, settings.precision) for teacher in teachers]
    augmentation = settings.chosen_recipe().augmentation
    company = digest(models, split.x_train, augmentation, settings.data_seed)
    bind_teachers(folder.parent, company)
    return kept_answers(
        models,
        split.x_train,
        augmentation,
        settings.data_seed,
        folder.parent.parent / "answers" / company,
    )


def in_precision(trained: Trained, classes: int, precision: str) -> keras.Model:
    """The same network with the same float32 weights, computing in `precision`, "float32" or
    "bfloat16"."""
    model = build(trained.name, classes, precision=precision)
    model.set_weights(trained.model.get_weights())
    return model
