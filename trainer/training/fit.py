"""The training loop: epochs of steps, each epoch measured; callbacks save, log and stop."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.data.arrays import Images
from trainer.data.split import Split
from trainer.errors import ResumeError
from trainer.evaluation.metrics import evaluate
from trainer.networks.history import Epoch, History
from trainer.networks.inference import predictor
from trainer.recipes import Recipe
from trainer.training import checkpoint, distribution, signals
from trainer.training.callbacks import Callback, LogToTensorBoard, SaveCheckpoint, StopOnSignal
from trainer.training.checkpoint import Progress
from trainer.training.state import TrainState, create_state
from trainer.training.step import Batches, EpochData, compile_steps, cut_into_calls, unaugmented
from trainer.training.weight_averaging import recompute_batch_norm

STEPS_PER_CALL: Final = 10
"""Steps inside one compiled call on a processor: few enough that the progress bar moves and Ctrl-C
is noticed. On a GPU a call is an epoch."""


@dataclass(frozen=True, eq=False)
class Loop:
    """What stays the same from the first epoch to the last.

    Attributes:
        split: the images that train, and those that measure each epoch.
        recipe: how to train.
        seed: decides the order of the images in each epoch.
        epoch_data: augmentation parameters and targets, by the number of the epoch.
        train_steps: trains the state on some batches, see `compile_steps`.
        predict: probabilities of the network that is measured.
        steps_per_call: batches in one call; None: a whole epoch.
        callbacks: called in this order.
    """

    split: Split
    recipe: Recipe
    seed: int
    epoch_data: Callable[[int], EpochData]
    train_steps: Callable[[EpochData, Batches], tuple[float, int]]
    predict: Callable[[Images], npt.NDArray[np.float32]]
    steps_per_call: int | None
    callbacks: Sequence[Callback] = ()


def fit(
    model: keras.Model,
    split: Split,
    recipe: Recipe,
    seed: int,
    folder: Path,
    *,
    epoch_data: Callable[[int], EpochData] | None = None,
    xla: bool | None = None,
    identity: Mapping[str, Any] | None = None,
) -> History:
    """Train `model` in place, or resume a training that was interrupted.

    Under a `tf.distribute` strategy the replicas share each batch, and the chief alone writes.

    Args:
        model: from `architecture.build`, built under the strategy.
        split: the images that train, and those that measure each epoch.
        recipe: how to train.
        seed: decides the order of the images in each epoch.
        folder: receives the checkpoints and TensorBoard's logs.
        epoch_data: augmentation parameters and targets of the epoch of a number; None: no
            augmentation, the labels as targets.
        xla: let XLA compile whole epochs; None: where there is a GPU. On a processor it is slower
            than oneDNN's kernels.
        identity: settings and digests of data that a checkpoint must have been made with, to be
            resumed.

    Returns:
        One entry an epoch.

    Raises:
        OutputError: the folder cannot be written.
        ResumeError: the folder has a checkpoint of another training.
        Stopped: a signal came; what was trained is saved.
    """
    identity, checkpoints = identity or {}, folder / "checkpoints"
    state = create_state(model, recipe, len(split.y_train))
    loop = _prepare(state, split, recipe, seed, epoch_data, xla=xla)
    state.progress = checkpoint.restore(checkpoints, state.variables(), identity)
    _check_same_progress(state.progress)
    with (
        signals.deferred() as stop_requested,
        contextlib.closing(LogToTensorBoard(folder / "tensorboard")) as log,
        _dropout_rate(model, recipe.dropout),
    ):
        save = SaveCheckpoint(checkpoints, identity)
        loop = replace(loop, callbacks=(save, log, StopOnSignal(stop_requested, save)))
        for number in range(len(state.progress.history) + 1, recipe.epochs + 1):
            print(f"{model.name}: epoch {number} of {recipe.epochs}")
            train_epoch(state, loop, number)
            measure_epoch(state, loop, number)
            for callback in loop.callbacks:
                callback.after_epoch(state)
    model.set_weights(state.ema.get_weights())
    return list(state.progress.history)


def train_epoch(state: TrainState, loop: Loop, number: int) -> None:
    """Train the steps that are left of the epoch."""
    started = time.monotonic() - state.progress.seconds
    size, count = loop.recipe.batch_size, len(loop.split.y_train)
    left = shuffled(count, loop.seed, number)[state.progress.steps * size :]
    data = loop.epoch_data(number)
    bar = keras.utils.Progbar(-(-count // size), stateful_metrics=["loss", "accuracy"])
    for batches in cut_into_calls(left, size, loop.steps_per_call):
        loss, correct = loop.train_steps(data, batches)
        done = state.progress = Progress(
            history=state.progress.history,
            steps=state.progress.steps + len(batches),
            loss=state.progress.loss + loss,
            correct=state.progress.correct + correct,
            seconds=time.monotonic() - started,
        )
        seen = min(done.steps * size, count)
        bar.update(done.steps, [("loss", done.loss / seen), ("accuracy", done.correct / seen)])
        for callback in loop.callbacks:
            callback.after_steps(state)


def measure_epoch(state: TrainState, loop: Loop, number: int) -> None:
    """Measure the epoch on the validation images and append it to the history."""
    started, count = time.monotonic() - state.progress.seconds, len(loop.split.y_train)
    if state.has_ema:
        recompute_batch_norm(state.ema, loop.split.x_train)
    scores = evaluate(loop.predict(loop.split.x_validation), loop.split.y_validation)
    epoch = Epoch(
        epoch=number,
        loss=state.progress.loss / count,
        accuracy=state.progress.correct / count,
        validation_loss=scores.loss,
        validation_accuracy=scores.accuracy,
        learning_rate=float(tf.convert_to_tensor(state.optimizer.learning_rate)),
        seconds=time.monotonic() - started,
    )
    print(
        f"  validation loss {scores.loss:.4f}, validation accuracy {scores.accuracy:.2%}, "
        f"{epoch.seconds:.0f} s"
    )
    state.progress = Progress(history=(*state.progress.history, epoch))


def shuffled(size: int, seed: int, epoch: int) -> npt.NDArray[np.int32]:
    """The order of the images in one epoch, int32 [size]: a function of seed and epoch, so a
    resumed run has it too."""
    return np.random.default_rng([seed, epoch]).permutation(size).astype(np.int32)


def _prepare(
    state: TrainState,
    split: Split,
    recipe: Recipe,
    seed: int,
    epoch_data: Callable[[int], EpochData] | None,
    *,
    xla: bool | None,
) -> Loop:
    if xla is None:  # which cannot compile what crosses from replica to replica
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        xla = bool(tf.config.get_visible_devices("GPU")) and replicas == 1
    steps_per_call = None if xla else STEPS_PER_CALL
    any_order = np.arange(len(split.y_train), dtype=np.int32)
    calls = cut_into_calls(any_order, recipe.batch_size, steps_per_call)
    return Loop(
        split=split,
        recipe=recipe,
        seed=seed,
        epoch_data=epoch_data or unaugmented(split, state.model.output_shape[-1]),
        train_steps=compile_steps(
            state, split, recipe.averaging, [batches.shape for batches in calls], xla=xla
        ),
        predict=predictor(state.ema),
        steps_per_call=steps_per_call,
    )


def _check_same_progress(progress: Progress) -> None:
    strategy, here = tf.distribute.get_strategy(), [len(progress.history), progress.steps]
    workers = distribution.total(strategy, 1)
    if any(distribution.total(strategy, number) != number * workers for number in here):
        raise ResumeError(
            "expected every worker to resume from the same checkpoint; received one after "
            f"{here[0]} epochs and {here[1]} steps here "
            "and another elsewhere; give all of them the same run folder, on a disk they share"
        )


@contextlib.contextmanager
def _dropout_rate(model: keras.Model, rate: float | None) -> Iterator[None]:
    """Give the dropout layers this rate while steps are compiled and run; None: their own."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    own = [layer.rate for layer in layers]
    try:
        for layer in layers:
            layer.rate = layer.rate if rate is None else rate
        yield
    finally:
        for layer, own_rate in zip(layers, own, strict=True):
            layer.rate = own_rate
