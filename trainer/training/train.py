"""Train every network of a run, or read those that have finished before."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from digits.contract import MANIFEST_FILE
from trainer.context import Context
from trainer.errors import ResumeError
from trainer.networks.architecture import build
from trainer.networks.history import History
from trainer.networks.trained import TrainedNetwork
from trainer.settings import OVERRIDES
from trainer.training import saved
from trainer.training.distillation import plan_epochs
from trainer.training.distribution import is_chief, wait_for_all
from trainer.training.fine_tune import read_teacher
from trainer.training.fit import fit
from trainer.training.run_folder import open_run, read_identity, seed_of


def train(context: Context, served: TrainedNetwork | None = None) -> list[TrainedNetwork]:
    """Train every network of the run, its teachers first where the recipe distils.

    Args:
        context: the run; its folder is open, see `run_folder.open_run`.
        served: for a fine-tuning, the network that gives the first weights and is a teacher beside
            those that are named; None: the recipe's teachers.

    Raises:
        OutputError: the run's folder cannot be written.
        ResumeError: `publish_only` and a network has not finished, or the run was begun with other
            teachers.
    """

    @functools.cache
    def teachers() -> list[TrainedNetwork]:  # asked only if something is untrained
        return choose_teachers(context, served)

    return [_train_or_read(name, context, teachers) for name in context.settings.architectures]


def _train_or_read(
    name: str, context: Context, teachers: Callable[[], Sequence[TrainedNetwork]]
) -> TrainedNetwork:
    folder = context.settings.folder() / name
    if not saved.is_finished(folder):
        if context.settings.publish_only:
            raise ResumeError(
                f"expected a finished run; received '{folder.parent}' without a finished {name}; "
                "run it again without --publish_only"
            )
        _train(name, context, folder, teachers())
        wait_for_all(context.strategy)
    return saved.read(folder, context.settings.seed, context.split)


def _train(name: str, context: Context, folder: Path, teachers: Sequence[TrainedNetwork]) -> None:
    settings, classes = context.settings, len(context.data.labels)
    recipe = settings.chosen_recipe()
    same = (one for one in teachers if (one.name, one.seed) == (name, settings.seed))
    before = next(same, None)
    trained_before = before.history if before else []
    plan = plan_epochs(context, teachers, folder.parent, after=len(trained_before))
    identity = {"network": name, **read_identity(folder.parent)}
    with context.strategy.scope():
        network = build(name, classes, settings.seed, settings.precision, recipe.initialisation)
        if before:
            network.set_weights(before.model.get_weights())
        network.summary()
        history = fit(
            network,
            context.split,
            recipe,
            settings.seed,
            folder,
            epoch_data=plan,
            identity=identity,
        )
    if is_chief(context.strategy):
        saved.save(folder, network, _joined(trained_before, history), classes)


def _joined(before: History, after: History) -> History:
    """All that the weights went through, its epochs numbered as one training."""
    return [
        *before,
        *(epoch.model_copy(update={"epoch": epoch.epoch + len(before)}) for epoch in after),
    ]


def choose_teachers(context: Context, served: TrainedNetwork | None) -> list[TrainedNetwork]:
    """The networks whose predictions are the targets.

    Args:
        context: the run.
        served: the version that a fine-tuning goes on from.

    Returns:
        For a fine-tuning, `served` and those that the settings name; else those that they name, or
        those of a run made for it. None where the recipe has no teachers.
    """
    settings = context.settings
    if served:
        return [served, *_named_teachers(context)]
    recipe = settings.chosen_recipe().teachers
    if recipe is None:
        return []
    if settings.teachers:
        return _named_teachers(context)
    own = settings.model_copy(
        update={
            "recipe": recipe,
            "run_dir": settings.folder().parent / f"{recipe}-seed{settings.seed}",
            "publish": "none",
            **dict.fromkeys(OVERRIDES),
            "forms": settings.chosen_recipe().forms,
        }
    )
    of_teachers = replace(context, settings=own)
    with open_run(of_teachers):
        return train(of_teachers)


def _named_teachers(context: Context) -> list[TrainedNetwork]:
    """Those of the folders that the settings name."""
    folders = context.settings.teachers
    return [teacher for folder in folders for teacher in _read_teachers(folder, context)]


def _read_teachers(folder: Path, context: Context) -> list[TrainedNetwork]:
    """The network of a published version, or those of a run."""
    if (folder / MANIFEST_FILE).exists():
        return [read_teacher(folder, context)]
    return saved.read_all(folder, seed_of(folder, context.settings, context.data), context.split)
