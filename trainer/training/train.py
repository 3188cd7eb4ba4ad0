"""Train every network of a run, or read those that have finished before."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import keras

from trainer.context import Context
from trainer.errors import ResumeError
from trainer.networks.architecture import build
from trainer.networks.history import History
from trainer.networks.trained import TrainedNetwork
from trainer.settings import OVERRIDES
from trainer.training import saved
from trainer.training.distillation import plan_epochs
from trainer.training.distribution import is_chief, wait_for_all
from trainer.training.fit import fit
from trainer.training.run_folder import open_run, read_identity, seed_of


def train(context: Context, first: keras.Model | None = None) -> list[TrainedNetwork]:
    """Train every network of the run, its teachers first where the recipe distils.

    Args:
        context: the run; its folder is open, see `run_folder.open_run`.
        first: a network whose weights are the first ones; None: new weights, or a teacher's.

    Raises:
        OutputError: the run's folder cannot be written.
        ResumeError: `publish_only` and a network has not finished, or the run was begun with other
            teachers.
    """
    teachers = functools.cache(lambda: _teachers(context))  # asked only if something is untrained
    return [
        _train_or_read(name, context, teachers, first) for name in context.settings.architectures
    ]


def _train_or_read(
    name: str,
    context: Context,
    teachers: Callable[[], Sequence[TrainedNetwork]],
    first: keras.Model | None,
) -> TrainedNetwork:
    folder = context.settings.folder() / name
    if not saved.is_finished(folder):
        if context.settings.publish_only:
            raise ResumeError(
                f"expected a finished run; received '{folder.parent}' without a finished {name}; "
                "run it again without --publish_only"
            )
        _train(name, context, folder, teachers(), first)
        wait_for_all(context.strategy)
    return saved.read(folder, context.settings.seed, context.split)


def _train(
    name: str,
    context: Context,
    folder: Path,
    teachers: Sequence[TrainedNetwork],
    first: keras.Model | None,
) -> None:
    settings, classes = context.settings, len(context.data.labels)
    recipe = settings.chosen_recipe()
    same = (one for one in teachers if (one.name, one.seed) == (name, settings.seed))
    before = next(same, None)
    trained_before = before.history if before else []
    plan = plan_epochs(context, teachers, folder.parent, after=len(trained_before))
    identity = {"network": name, **read_identity(folder.parent)}
    with context.strategy.scope():
        network = build(name, classes, settings.seed, settings.precision, recipe.initialisation)
        if origin := before.model if before else first:
            network.set_weights(origin.get_weights())
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


def _teachers(context: Context) -> list[TrainedNetwork]:
    """The networks whose predictions are the targets: those of the named runs, or of a run made for
    it. None where the recipe has no teachers."""
    settings = context.settings
    recipe = settings.chosen_recipe().teachers
    if recipe is None:
        return []
    if settings.teachers:
        return [
            teacher
            for run in settings.teachers
            for teacher in saved.read_all(run, seed_of(run, settings, context.data), context.split)
        ]
    own = settings.model_copy(
        update={
            "recipe": recipe,
            "run_dir": settings.folder().parent / f"{recipe}-seed{settings.seed}",
            "publish": "none",
            **dict.fromkeys(OVERRIDES),
        }
    )
    of_teachers = replace(context, settings=own)
    with open_run(of_teachers):
        return train(of_teachers)
