"""Teachers: finished networks whose mean answer to each bent image is what another network is to
give.

The targets of an epoch follow from teachers, images and views alone, so that they are computed once
and kept for every network that learns from the same teachers.
Source: Hinton, Vinyals, Dean 2015; that teacher and student see the same view: Beyer et al. 2022,
arXiv 2106.05237.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from digits.files import write_synced
from trainer.context import Context
from trainer.data.arrays import Images
from trainer.data.augmentation import Views, apply, draw
from trainer.networks.inference import BATCH, as_input
from trainer.networks.trained import TrainedNetwork
from trainer.recipes import Augmentation
from trainer.training.run_folder import bind_teachers
from trainer.training.saved import in_precision
from trainer.training.step import EpochData, Targets

Answers = npt.NDArray[np.float32]
"""float32 [images, classes], 0..1: the mean of the teachers' probabilities."""

_PREFIX: Final = 16
"""Hexadecimal digits of a digest that name a folder."""


def plan_epochs(
    context: Context, teachers: Sequence[TrainedNetwork], run: Path, *, after: int
) -> Callable[[int], EpochData]:
    """What each epoch trains on: augmentation parameters, and targets from labels or teachers.

    Args:
        context: the run.
        teachers: none: the labels are the targets.
        run: its folder, which is bound to the teachers.
        after: epochs that the first weights went through; the parameters follow on from theirs.
    """
    recipe, images = context.settings.chosen_recipe(), len(context.split.y_train)
    seed, targets = context.settings.data_seed, _targets(context, teachers, run)

    def plan(epoch: int) -> EpochData:
        number = after + epoch
        return EpochData(draw(recipe.augmentation, images, seed, number), targets(number))

    return plan


def _targets(
    context: Context, teachers: Sequence[TrainedNetwork], run: Path
) -> Callable[[int], Targets]:
    """The labels; of the data set's own images what the teachers answer, to the recipe's share."""
    settings, parts = context.settings, context.split
    classes, images = len(context.data.labels), len(parts.y_train)
    labels: Targets = np.eye(classes, dtype=np.float32)[parts.y_train]
    if not teachers:
        return lambda _: labels
    recipe, seed, own = settings.chosen_recipe(), settings.data_seed, images - parts.added
    models = [in_precision(teacher, classes, settings.precision) for teacher in teachers]
    company = digest(models, parts.x_train[:own], recipe.augmentation, seed, of=images)
    bind_teachers(run, company)
    folder = run.parent / "answers" / company
    given = kept_answers(models, parts.x_train[:own], recipe.augmentation, seed, folder, of=images)
    return lambda epoch: mix_targets(labels, given(epoch), recipe.distillation)


def answers(teachers: Sequence[keras.Model], images: Images, views: Views) -> Answers:
    """The mean answer of `teachers` to `images`, bent as `views` say.

    Args:
        teachers: networks from float32 [n, 28, 28, 1] to probabilities.
        images: uint8 [n, 28, 28].
        views: float32 [n, columns], see `augment.draw`.
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def mean_answer(batch: tf.Tensor, bent: tf.Tensor) -> tf.Tensor:
        pixels = apply(as_input(batch), bent)
        return tf.add_n([teacher(pixels, training=False) for teacher in teachers]) / len(teachers)

    starts = range(0, len(images), BATCH)
    return np.concatenate(
        [
            mean_answer(images[start : start + BATCH], views[start : start + BATCH]).numpy()
            for start in starts
        ]
    )


def kept_answers(
    teachers: Sequence[keras.Model],
    images: Images,
    augmentation: Augmentation | None,
    seed: int,
    folder: Path,
    *,
    of: int | None = None,
) -> Callable[[int], Answers]:
    """The answers by epoch, read from `folder` where they are kept and kept there where they are
    not.

    Args:
        teachers: networks from float32 [n, 28, 28, 1] to probabilities.
        images: uint8 [n, 28, 28], the training images.
        augmentation: how the epochs bend them.
        seed: of the data, see `augment.draw`.
        folder: of these answers alone, see `digest`.
        of: how many images an epoch has, where `images` are only the first of them.
    """

    def of_epoch(epoch: int) -> Answers:
        path = folder / f"epoch-{epoch:05}.npy"
        if (found := _read(path, len(images))) is not None:
            return found
        print(f"asking {len(teachers)} teachers about {len(images):,} images")
        views = draw(augmentation, of or len(images), seed, epoch)[: len(images)]
        given = answers(teachers, images, views)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_synced(path, hashlib.sha256(given.tobytes()).digest() + given.tobytes())
        return given

    return of_epoch


def mix_targets(labels: Answers, given: Answers, share: float) -> Answers:
    """The targets of one epoch: of the first images what teachers answered, of the rest the labels.

    Args:
        labels: float32 [images, classes], one-hot.
        given: float32 [first, classes], the teachers' answers to the first images.
        share: of those answers in the targets of the first images; the rest are the labels.
    """
    first = np.float32(share) * given + np.float32(1 - share) * labels[: len(given)]
    return np.concatenate([first, labels[len(given) :]])


def _read(path: Path, images: int) -> Answers | None:
    """What is kept at `path`, if it is there and whole."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    expected, values = (
        content[: hashlib.sha256().digest_size],
        content[hashlib.sha256().digest_size :],
    )
    whole = hashlib.sha256(values).digest() == expected
    return np.frombuffer(values, np.float32).reshape(images, -1) if whole else None


def digest(
    teachers: Sequence[keras.Model],
    images: Images,
    augmentation: Augmentation | None,
    seed: int,
    *,
    of: int | None = None,
) -> str:
    """A name for all that the answers of `kept_answers` follow from, 16 hexadecimal digits."""
    made = hashlib.sha256()
    for weight in (weight for teacher in teachers for weight in teacher.get_weights()):
        made.update(np.ascontiguousarray(weight).tobytes())
    made.update(images.tobytes())
    made.update(f"{augmentation!r} {seed}".encode())
    if of not in (None, len(images)):
        made.update(f" {of}".encode())
    return made.hexdigest()[:_PREFIX]
