"""The training loop: one for every recipe, precision and device.

The images lie on the device as bytes; a step picks its batch by index, so nothing but indices crosses over.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer import checkpoint
from trainer.evaluate import evaluate
from trainer.history import Epoch, History
from trainer.predict import as_input, predict
from trainer.readers import Classes, Images
from trainer.recipes import Recipe
from trainer.split import Split

STEPS_A_CALL: Final = 10
"""Steps inside one compiled call: few enough that the bar moves and Ctrl-C is heard."""

Train = Callable[[npt.NDArray[np.int32]], tuple[float, int]]


def fit(model: keras.Model, split: Split, recipe: Recipe, seed: int, folder: Path) -> History:
    """Train `model` in place, or go on with a training that was interrupted.

    Args:
        model: from `architecture.build`.
        split: the images that train, and those that measure each epoch.
        recipe: how to train.
        seed: decides the order of the images in each epoch.
        folder: receives a checkpoint an epoch and TensorBoard's logs.

    Returns:
        One entry an epoch.

    Raises:
        OutputError: the folder cannot be written.
    """
    optimizer = keras.optimizers.Adam(recipe.learning_rate)
    optimizer.build(model.trainable_variables)
    history = checkpoint.restore(folder / "checkpoints", model, optimizer)
    train = _compile(model, optimizer, split.x_train, split.y_train)
    tensorboard = tf.summary.create_file_writer(str(folder / "tensorboard"))
    for number in range(len(history) + 1, recipe.epochs + 1):
        print(f"{model.name}: epoch {number} of {recipe.epochs}")
        started = time.monotonic()
        loss, accuracy = _train_epoch(train, shuffled(len(split.y_train), seed, number), recipe.batch_size)
        scores = evaluate(predict(model, split.x_validation), split.y_validation)
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
        checkpoint.save(folder / "checkpoints", model, optimizer, history)
        _log(tensorboard, epoch)
    tensorboard.close()
    return history


def shuffled(size: int, seed: int, epoch: int) -> npt.NDArray[np.int32]:
    """The order of the images in one epoch, int32 [size]: a function of seed and epoch, so a resumed run has it too."""
    return np.random.default_rng([seed, epoch]).permutation(size).astype(np.int32)


def _train_epoch(train: Train, order: npt.NDArray[np.int32], batch_size: int) -> tuple[float, float]:
    """Train on every image once; returns their mean loss and accuracy, measured as the weights changed."""
    bar = keras.utils.Progbar(-(-len(order) // batch_size), stateful_metrics=["loss", "accuracy"])
    loss = correct = seen = steps = 0.0
    for batches in _portions(order, batch_size):
        more_loss, more_correct = train(batches)
        loss, correct, seen, steps = loss + more_loss, correct + more_correct, seen + batches.size, steps + len(batches)
        bar.update(int(steps), [("loss", loss / seen), ("accuracy", correct / seen)])
    return loss / seen, correct / seen


def _portions(order: npt.NDArray[np.int32], batch_size: int) -> Iterator[npt.NDArray[np.int32]]:
    """Cut an epoch into calls of up to `STEPS_A_CALL` full batches, int32 [steps, batch]; the last, smaller batch comes alone."""
    whole = len(order) // batch_size * batch_size
    full = order[:whole].reshape(-1, batch_size)
    yield from (full[start : start + STEPS_A_CALL] for start in range(0, len(full), STEPS_A_CALL))
    if whole < len(order):
        yield order[np.newaxis, whole:]


def _compile(model: keras.Model, optimizer: keras.Optimizer, images: Images, classes: Classes) -> Train:
    """Make the function that trains on int32 [steps, batch] of indices and returns summed loss and count of right answers."""
    all_images, all_classes = tf.constant(images), tf.constant(classes)

    def step(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch, truth = as_input(tf.gather(all_images, indices)), tf.cast(tf.gather(all_classes, indices), tf.int64)
        with tf.GradientTape() as tape:
            probabilities = model(batch, training=True)
            # On integer classes this is the notebook's categorical cross-entropy, without building one-hot rows.
            losses = keras.losses.sparse_categorical_crossentropy(truth, probabilities)
            loss = tf.reduce_mean(losses)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        right = tf.math.count_nonzero(tf.argmax(probabilities, axis=1) == truth)
        return tf.reduce_sum(losses), right

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def steps(batches: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        loss, right = tf.constant(0.0), tf.constant(0, tf.int64)
        for indices in batches:
            more_loss, more_right = step(indices)
            loss, right = loss + more_loss, right + more_right
        return loss, right

    def train(batches: npt.NDArray[np.int32]) -> tuple[float, int]:
        loss, right = steps(tf.constant(batches))
        return float(loss), int(right)

    return train


def _log(tensorboard: tf.summary.SummaryWriter, epoch: Epoch) -> None:
    """Append one epoch to TensorBoard's logs."""
    with tensorboard.as_default(step=epoch.epoch):
        for name, value in epoch.model_dump(exclude={"epoch"}).items():
            tf.summary.scalar(name, value)
    tensorboard.flush()
