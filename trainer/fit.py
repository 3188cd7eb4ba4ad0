"""The training loop: one for every recipe, precision and device.

The images lie on the device as bytes; a step picks its batch by index, so nothing but indices crosses over.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer import checkpoint
from trainer.augment import Views, apply
from trainer.average import follow, re_estimate
from trainer.evaluate import evaluate
from trainer.history import Epoch, History
from trainer.predict import as_input, predict
from trainer.recipes import Recipe
from trainer.split import Split

STEPS_A_CALL: Final = 10
"""Steps inside one compiled call on a processor: few enough that the bar moves and Ctrl-C is heard. A GPU does an epoch a call."""

Targets = npt.NDArray[np.float32]
"""float32 [images, classes]: the probabilities that a network is to answer, a row an image."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """What one epoch teaches: how each training image is bent (see `augment.draw`), and what is to be answered."""

    views: Views
    targets: Targets


Train = Callable[[npt.NDArray[np.int32], Lesson], tuple[float, int]]


def fit(
    model: keras.Model,
    split: Split,
    recipe: Recipe,
    seed: int,
    folder: Path,
    *,
    lesson: Callable[[int], Lesson] | None = None,
    xla: bool | None = None,
) -> History:
    """Train `model` in place, or go on with a training that was interrupted.

    Args:
        model: from `architecture.build`.
        split: the images that train, and those that measure each epoch.
        recipe: how to train.
        seed: decides the order of the images in each epoch.
        folder: receives a checkpoint an epoch and TensorBoard's logs.
        lesson: what the epoch of a number teaches; None: the images as they are, with their labels.
        xla: let XLA compile whole epochs; None: where there is a GPU. On a processor it is slower than oneDNN's kernels.

    Returns:
        One entry an epoch.

    Raises:
        OutputError: the folder cannot be written.
    """
    lesson = lesson or plain(split, model.output_shape[-1])
    optimizer = _optimizer(recipe, -(-len(split.y_train) // recipe.batch_size) * recipe.epochs)
    optimizer.build(model.trainable_variables)
    kept = _copy(model) if recipe.averaging else model
    history = checkpoint.restore(folder / "checkpoints", _variables(model, optimizer, kept))
    xla = bool(tf.config.get_visible_devices("GPU")) if xla is None else xla
    train = _compile(model, optimizer, kept, recipe, split, xla=xla)
    tensorboard = tf.summary.create_file_writer(str(folder / "tensorboard"))
    for number in range(len(history) + 1, recipe.epochs + 1):
        print(f"{model.name}: epoch {number} of {recipe.epochs}")
        started = time.monotonic()
        batches = _portions(shuffled(len(split.y_train), seed, number), recipe.batch_size, None if xla else STEPS_A_CALL)
        loss, accuracy = _train_epoch(train, batches, -(-len(split.y_train) // recipe.batch_size), lesson(number))
        if kept is not model:
            re_estimate(kept, split.x_train)
        scores = evaluate(predict(kept, split.x_validation), split.y_validation)
        epoch = Epoch(
            epoch=number,
            loss=loss,
            accuracy=accuracy,
            validation_loss=scores.loss,
            validation_accuracy=scores.accuracy,
            learning_rate=float(optimizer.learning_rate),
            seconds=time.monotonic() - started,
        )
        print(f"  validation loss {scores.loss:.4f}, validation accuracy {scores.accuracy:.2%}, {epoch.seconds:.0f} s")
        history.append(epoch)
        checkpoint.save(folder / "checkpoints", _variables(model, optimizer, kept), history)
        _log(tensorboard, epoch)
    tensorboard.close()
    model.set_weights(kept.get_weights())
    return history


def plain(split: Split, classes: int) -> Callable[[int], Lesson]:
    """The lesson of every epoch where nothing is bent and the labels teach."""
    targets = keras.utils.to_categorical(split.y_train, classes).astype(np.float32)
    return lambda _: Lesson(np.zeros((len(targets), 0), np.float32), targets)


def shuffled(size: int, seed: int, epoch: int) -> npt.NDArray[np.int32]:
    """The order of the images in one epoch, int32 [size]: a function of seed and epoch, so a resumed run has it too."""
    return np.random.default_rng([seed, epoch]).permutation(size).astype(np.int32)


def _optimizer(recipe: Recipe, steps: int) -> keras.Optimizer:
    """Adam, its step size as the recipe has it over a training of `steps` steps."""
    if recipe.decay == "none":
        return keras.optimizers.Adam(recipe.learning_rate)
    rising = round(recipe.warmup * steps)
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(0.0, steps - rising, warmup_target=recipe.learning_rate, warmup_steps=rising)
    )


def _copy(model: keras.Model) -> keras.Model:
    """The same network with variables of its own."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def _variables(model: keras.Model, optimizer: keras.Optimizer, kept: keras.Model) -> list[keras.Variable]:
    """All that a training is: weights, batch-norm statistics, dropout seeds, the optimizer's moments and step count, the average."""
    return [*model.variables, *optimizer.variables, *(kept.variables if kept is not model else [])]


def _train_epoch(train: Train, portions: Iterator[npt.NDArray[np.int32]], in_all: int, lesson: Lesson) -> tuple[float, float]:
    """Train on every image once, in `in_all` steps; returns their mean loss and accuracy, measured as the weights changed."""
    bar = keras.utils.Progbar(in_all, stateful_metrics=["loss", "accuracy"])
    loss = correct = seen = steps = 0.0
    for batches in portions:
        more_loss, more_correct = train(batches, lesson)
        loss, correct, seen, steps = loss + more_loss, correct + more_correct, seen + batches.size, steps + len(batches)
        bar.update(int(steps), [("loss", loss / seen), ("accuracy", correct / seen)])
    return loss / seen, correct / seen


def _portions(order: npt.NDArray[np.int32], batch_size: int, steps: int | None) -> Iterator[npt.NDArray[np.int32]]:
    """Cut an epoch into calls of up to `steps` full batches (None: all), int32 [steps, batch]; a last, smaller batch comes alone."""
    whole = len(order) // batch_size * batch_size
    full = order[:whole].reshape(-1, batch_size)
    steps = steps or max(1, len(full))
    yield from (full[start : start + steps] for start in range(0, len(full), steps))
    if whole < len(order):
        yield order[np.newaxis, whole:]


def _compile(model: keras.Model, optimizer: keras.Optimizer, kept: keras.Model, recipe: Recipe, split: Split, *, xla: bool) -> Train:
    """Make the function that trains on int32 [steps, batch] of indices and returns summed loss and count of right answers."""
    all_images, all_classes = tf.constant(split.x_train), tf.constant(split.y_train)

    def step(indices: tf.Tensor, views: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch = apply(as_input(tf.gather(all_images, indices)), tf.gather(views, indices))
        with tf.GradientTape() as tape:
            probabilities = model(batch, training=True)
            losses = keras.losses.categorical_crossentropy(tf.gather(targets, indices), probabilities)
            loss = tf.reduce_mean(losses)
        before = optimizer.iterations.value
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        if kept is not model:
            follow(kept, model, recipe.averaging, before)
        right = tf.math.count_nonzero(tf.argmax(probabilities, axis=1) == tf.cast(tf.gather(all_classes, indices), tf.int64))
        return tf.reduce_sum(losses), right

    @tf.function(reduce_retracing=not xla, jit_compile=xla)  # XLA wants to know every shape
    def steps(batches: tf.Tensor, views: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        loss, right = tf.constant(0.0), tf.constant(0, tf.int64)
        for indices in batches:
            more_loss, more_right = step(indices, views, targets)
            loss, right = loss + more_loss, right + more_right
        return loss, right

    def train(batches: npt.NDArray[np.int32], lesson: Lesson) -> tuple[float, int]:
        loss, right = steps(tf.constant(batches), tf.constant(lesson.views), tf.constant(lesson.targets))
        return float(loss), int(right)

    return train


def _log(tensorboard: tf.summary.SummaryWriter, epoch: Epoch) -> None:
    """Append one epoch to TensorBoard's logs."""
    with tensorboard.as_default(step=epoch.epoch):
        for name, value in epoch.model_dump(exclude={"epoch"}).items():
            tf.summary.scalar(name, value)
    tensorboard.flush()
