"""The training step, compiled: one for every recipe, precision and device.

The images lie on the device as bytes; a step picks its batch by index, so that only indices are
transferred.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.data.augmentation import AugmentationParameters, augment
from trainer.data.split import Split
from trainer.networks.inference import as_input
from trainer.training.state import TrainState
from trainer.training.weight_averaging import update_ema

Targets = npt.NDArray[np.float32]
"""float32 [n, k]: the probabilities that a network is to predict, a row an image, a column a
class."""
Batches = npt.NDArray[np.int32]
"""int32 [steps, batch]: the images of each step, by their index among the training images."""


@dataclass(frozen=True, eq=False)
class EpochData:
    """What one epoch trains on, beside the images themselves.

    Attributes:
        augmentation: how each training image is augmented, see
            `trainer.data.augmentation.draw_parameters`.
        targets: what is to be predicted for each.
    """

    augmentation: AugmentationParameters
    targets: Targets


def unaugmented(split: Split, classes: int) -> Callable[[int], EpochData]:
    """The data of every epoch without augmentation, with the labels as targets."""
    targets = keras.utils.to_categorical(split.y_train, classes).astype(np.float32)
    return lambda _: EpochData(np.zeros((len(targets), 0), np.float32), targets)


def cut_into_calls(
    order: npt.NDArray[np.int32], batch_size: int, steps: int | None
) -> Iterator[Batches]:
    """Cut an epoch into calls of up to `steps` full batches (None: all), int32 [steps, batch]; a
    last, smaller batch is a call by itself."""
    whole = len(order) // batch_size * batch_size
    full = order[:whole].reshape(-1, batch_size)
    steps = steps or max(1, len(full))
    yield from (full[start : start + steps] for start in range(0, len(full), steps))
    if whole < len(order):
        yield order[np.newaxis, whole:]


def train_step(
    state: TrainState,
    batch: tf.Tensor,
    augmentation: tf.Tensor,
    targets: tf.Tensor,
    *,
    images: tf.Tensor,
    true_classes: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Train on this replica's share of a batch; the optimizer sums the gradients of all replicas.

    Args:
        state: what is trained.
        batch: int32 [batch], indices of the images.
        augmentation: as in `EpochData`.
        targets: as in `EpochData`.
        images: uint8 [n, 28, 28], all training images.
        true_classes: uint8 [n].

    Returns:
        Summed loss and number of images classified correctly, of this replica's share.
    """
    replica = tf.distribute.get_replica_context()
    indices = batch[replica.replica_id_in_sync_group :: replica.num_replicas_in_sync]
    pixels = augment(as_input(tf.gather(images, indices)), tf.gather(augmentation, indices))
    with tf.GradientTape() as tape:
        probabilities = state.model(pixels, training=True)
        losses = keras.losses.categorical_crossentropy(tf.gather(targets, indices), probabilities)
        loss = tf.reduce_sum(losses) / tf.cast(tf.size(batch), tf.float32)
    weights = state.model.trainable_variables
    state.optimizer.apply(tape.gradient(loss, weights), weights)
    correct = tf.math.count_nonzero(
        tf.argmax(probabilities, axis=1) == tf.cast(tf.gather(true_classes, indices), tf.int64)
    )
    return tf.reduce_sum(losses), correct


def compile_steps(
    state: TrainState,
    split: Split,
    ema_decay: float,
    shapes: Iterable[tuple[int, ...]],
    *,
    xla: bool,
) -> Callable[[EpochData, Batches], tuple[float, int]]:
    """Make the function that trains on int32 [steps, batch] of indices and returns summed loss and
    number of images classified correctly.

    Args:
        state: what is trained.
        split: whose training images the indices are of.
        ema_decay: see `update_ema`.
        shapes: of every call in an epoch, in their order. All are traced before the first step:
            later shapes make TensorFlow trace earlier ones more generally, so that a training
            resumed in the middle of an epoch would have other graphs, and other last bits.
        xla: let XLA compile the steps.
    """
    images, true_classes = tf.constant(split.x_train), tf.constant(split.y_train)
    strategy = tf.distribute.get_strategy()

    step = functools.partial(train_step, state, images=images, true_classes=true_classes)

    # XLA needs every shape. AutoGraph would read this file when a training starts, and fail where
    # it was edited meanwhile.
    @tf.function(reduce_retracing=not xla, jit_compile=xla, autograph=False)
    def steps(
        batches: tf.Tensor, augmentation: tf.Tensor, targets: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        def add(sums: tuple[tf.Tensor, tf.Tensor], batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            steps_before = tf.identity(state.optimizer.iterations.value)
            shares = strategy.run(step, (batch, augmentation, targets))
            if state.has_ema:
                update_ema(state.ema, state.model, ema_decay, steps_before)
            loss, correct = (
                strategy.reduce(tf.distribute.ReduceOp.SUM, share, axis=None) for share in shares
            )
            return sums[0] + loss, sums[1] + correct

        loss, correct = tf.foldl(add, batches, (tf.constant(0.0), tf.constant(0, tf.int64)))
        return loss, correct

    return _trace_in_order(steps, shapes)


def _trace_in_order(
    steps: tf.types.experimental.PolymorphicFunction, shapes: Iterable[tuple[int, ...]]
) -> Callable[[EpochData, Batches], tuple[float, int]]:
    """Call `steps` with arrays, and trace it for each of `shapes` before its first call."""
    untraced = list(dict.fromkeys(shapes))

    def train(data: EpochData, batches: Batches) -> tuple[float, int]:
        inputs = tf.constant(data.augmentation), tf.constant(data.targets)
        while untraced:
            steps.get_concrete_function(tf.TensorSpec(untraced.pop(0), tf.int32), *inputs)
        loss, correct = steps(tf.constant(batches), *inputs)
        return float(loss), int(correct)

    return train
