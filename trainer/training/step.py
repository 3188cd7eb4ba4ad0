"""The training step, compiled: one for every recipe, precision and device.

The images lie on the device as bytes; a step picks its batch by index, so nothing but indices
crosses over.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.data.augmentation import Views, apply
from trainer.data.split import Split
from trainer.networks.inference import as_input
from trainer.recipes import Recipe
from trainer.training.weight_averaging import follow

Targets = npt.NDArray[np.float32]
"""float32 [images, classes]: the probabilities that a network is to answer, a row an image."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """What one epoch teaches: how each training image is bent (see `augment.draw`), and what is to
    be answered."""

    views: Views
    targets: Targets


Batches = npt.NDArray[np.int32]
"""int32 [steps, batch]: the images of each step, by their place among those that train."""


def plain(split: Split, classes: int) -> Callable[[int], Lesson]:
    """The lesson of every epoch where nothing is bent and the labels teach."""
    targets = keras.utils.to_categorical(split.y_train, classes).astype(np.float32)
    return lambda _: Lesson(np.zeros((len(targets), 0), np.float32), targets)


def compile_steps(
    model: keras.Model,
    optimizer: keras.Optimizer,
    kept: keras.Model,
    recipe: Recipe,
    split: Split,
    *,
    xla: bool,
) -> Callable[[Lesson, Batches], tuple[float, int]]:
    """Make the function that trains on int32 [steps, batch] of indices and returns summed loss and
    count of right answers."""
    all_images, all_classes = tf.constant(split.x_train), tf.constant(split.y_train)

    strategy = tf.distribute.get_strategy()

    def step(batch: tf.Tensor, views: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Train on this replica's share of a batch; the optimizer sums the gradients of all
        replicas."""
        replica = tf.distribute.get_replica_context()
        indices = batch[replica.replica_id_in_sync_group :: replica.num_replicas_in_sync]
        pixels = apply(as_input(tf.gather(all_images, indices)), tf.gather(views, indices))
        with tf.GradientTape() as tape:
            probabilities = model(pixels, training=True)
            losses = keras.losses.categorical_crossentropy(
                tf.gather(targets, indices), probabilities
            )
            loss = tf.reduce_sum(losses) / tf.cast(tf.size(batch), tf.float32)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        right = tf.math.count_nonzero(
            tf.argmax(probabilities, axis=1) == tf.cast(tf.gather(all_classes, indices), tf.int64)
        )
        return tf.reduce_sum(losses), right

    # XLA wants to know every shape. AutoGraph would read this file when a training starts, and
    # stumble where it was edited meanwhile.
    @tf.function(reduce_retracing=not xla, jit_compile=xla, autograph=False)
    def steps(
        batches: tf.Tensor, views: tf.Tensor, targets: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        def add(
            sums: tuple[tf.Tensor, tf.Tensor], indices: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            before = tf.identity(optimizer.iterations.value)
            shares = strategy.run(step, (indices, views, targets))
            if kept is not model:
                follow(kept, model, recipe.averaging, before)
            loss, right = (
                strategy.reduce(tf.distribute.ReduceOp.SUM, share, axis=None) for share in shares
            )
            return sums[0] + loss, sums[1] + right

        loss, right = tf.foldl(add, batches, (tf.constant(0.0), tf.constant(0, tf.int64)))
        return loss, right

    def train(lesson: Lesson, batches: Batches) -> tuple[float, int]:
        loss, right = steps(
            tf.constant(batches), tf.constant(lesson.views), tf.constant(lesson.targets)
        )
        return float(loss), int(right)

    return train
