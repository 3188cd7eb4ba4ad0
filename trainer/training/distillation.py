"""Distillation: the averaged predictions of finished networks, the teachers, are the targets.

The targets of an epoch follow from teachers, images and augmentation parameters alone: they are
computed once and cached for every network with the same teachers.
Source: Hinton, Vinyals, Dean 2015; that teacher and student get the same augmented image: Beyer et
al. 2022, arXiv 2106.05237.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import keras
import numpy as np
import tensorflow as tf

from digits.files import write_synced
from trainer.context import Context
from trainer.data.arrays import Images
from trainer.data.augmentation import AugmentationParameters, augment, draw_parameters
from trainer.networks.inference import BATCH, as_input
from trainer.networks.trained import TrainedNetwork
from trainer.recipes import Augmentation
from trainer.training.run_folder import bind_teachers
from trainer.training.saved import in_precision
from trainer.training.step import EpochData, Targets

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
    recipe, count = context.settings.chosen_recipe(), len(context.split.y_train)
    seed, targets = context.settings.data_seed, _targets(context, teachers, run)

    def plan(epoch: int) -> EpochData:
        number = after + epoch
        parameters = draw_parameters(recipe.augmentation, count, seed, number)
        return EpochData(parameters, targets(number))

    return plan


def _targets(
    context: Context, teachers: Sequence[TrainedNetwork], run: Path
) -> Callable[[int], Targets]:
    """The labels, mixed with the teachers' predictions for the data set's own images."""
    settings, parts = context.settings, context.split
    classes, count = len(context.data.labels), len(parts.y_train)
    labels: Targets = np.eye(classes, dtype=np.float32)[parts.y_train]
    if not teachers:
        return lambda _: labels
    recipe, seed, own = settings.chosen_recipe(), settings.data_seed, count - parts.added
    models = [in_precision(teacher, classes, settings.precision) for teacher in teachers]
    digest = targets_digest(models, parts.x_train[:own], recipe.augmentation, seed, of=count)
    bind_teachers(run, digest)
    folder = run.parent / "targets" / digest
    predicted = cached_targets(
        models, parts.x_train[:own], recipe.augmentation, seed, folder, of=count
    )
    return lambda epoch: mix_targets(labels, predicted(epoch), recipe.distillation)


def teacher_targets(
    teachers: Sequence[keras.Model], images: Images, parameters: AugmentationParameters
) -> Targets:
    """The mean prediction of `teachers` for augmented `images`.

    Args:
        teachers: networks from float32 [n, 28, 28, 1] to probabilities.
        images: uint8 [n, 28, 28].
        parameters: float32 [n, columns], see `trainer.data.augmentation.draw_parameters`.
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def mean_prediction(batch: tf.Tensor, of_batch: tf.Tensor) -> tf.Tensor:
        pixels = augment(as_input(batch), of_batch)
        return tf.add_n([teacher(pixels, training=False) for teacher in teachers]) / len(teachers)

    starts = range(0, len(images), BATCH)
    return np.concatenate(
        [
            mean_prediction(
                images[start : start + BATCH], parameters[start : start + BATCH]
            ).numpy()
            for start in starts
        ]
    )


def cached_targets(
    teachers: Sequence[keras.Model],
    images: Images,
    augmentation: Augmentation | None,
    seed: int,
    folder: Path,
    *,
    of: int | None = None,
) -> Callable[[int], Targets]:
    """The predictions by epoch: read from `folder` if they are cached there, else computed and
    cached.

    Args:
        teachers: networks from float32 [n, 28, 28, 1] to probabilities.
        images: uint8 [n, 28, 28], the training images.
        augmentation: bounds of the augmentation.
        seed: of the data, see `trainer.data.augmentation.draw_parameters`.
        folder: of these predictions alone, see `targets_digest`.
        of: how many images an epoch has, where `images` are only the first of them.
    """

    def of_epoch(epoch: int) -> Targets:
        path = folder / f"epoch-{epoch:05}.npy"
        if (found := _read(path, len(images))) is not None:
            return found
        print(f"computing the targets of {len(teachers)} teachers for {len(images):,} images")
        parameters = draw_parameters(augmentation, of or len(images), seed, epoch)[: len(images)]
        predicted = teacher_targets(teachers, images, parameters)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_synced(path, hashlib.sha256(predicted.tobytes()).digest() + predicted.tobytes())
        return predicted

    return of_epoch


def mix_targets(labels: Targets, predicted: Targets, share: float) -> Targets:
    """The targets of one epoch: mixed with predictions for the first images, labels for the rest.

    Args:
        labels: float32 [n, k], one-hot.
        predicted: float32 [m, k], m at most n: the teachers' predictions for the first images.
        share: of those predictions in the targets of the first images; the rest are the labels.
    """
    first = np.float32(share) * predicted + np.float32(1 - share) * labels[: len(predicted)]
    return np.concatenate([first, labels[len(predicted) :]])


def _read(path: Path, count: int) -> Targets | None:
    """What is cached at `path`; None if it is missing or damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    expected = content[: hashlib.sha256().digest_size]
    values = content[hashlib.sha256().digest_size :]
    whole = hashlib.sha256(values).digest() == expected
    return np.frombuffer(values, np.float32).reshape(count, -1) if whole else None


def targets_digest(
    teachers: Sequence[keras.Model],
    images: Images,
    augmentation: Augmentation | None,
    seed: int,
    *,
    of: int | None = None,
) -> str:
    """A name for everything that `cached_targets` follow from, 16 hexadecimal digits."""
    made = hashlib.sha256()
    for weight in (weight for teacher in teachers for weight in teacher.get_weights()):
        made.update(np.ascontiguousarray(weight).tobytes())
    made.update(images.tobytes())
    made.update(f"{augmentation!r} {seed}".encode())
    if of not in (None, len(images)):
        made.update(f" {of}".encode())
    return made.hexdigest()[:_PREFIX]
