"""The training loop: epochs of steps, each epoch measured, kept and logged."""

import contextlib
import functools
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.data.arrays import Images
from trainer.data.split import Split
from trainer.disk import written
from trainer.errors import ResumeError
from trainer.evaluation.metrics import Scores, evaluate
from trainer.networks.history import Epoch, History
from trainer.networks.inference import predictor
from trainer.recipes import Recipe
from trainer.training import checkpoint, distribution, signals
from trainer.training.checkpoint import Progress
from trainer.training.step import Batches, Lesson, compile_steps, plain
from trainer.training.weight_averaging import re_estimate

STEPS_A_CALL: Final = 10
"""Steps inside one compiled call on a processor: few enough that the bar moves and Ctrl-C is heard.
A GPU does an epoch a call."""

SAVE_EVERY: Final = 30.0
"""Seconds of work that a kill may cost. A checkpoint takes some hundredths of one."""


def fit(
    model: keras.Model,
    split: Split,
    recipe: Recipe,
    seed: int,
    folder: Path,
    *,
    lesson: Callable[[int], Lesson] | None = None,
    xla: bool | None = None,
    identity: Mapping[str, Any] | None = None,
) -> History:
    """Train `model` in place, or go on with a training that was interrupted.

    Under a `tf.distribute` strategy the replicas share each batch, and the chief alone writes.

    Args:
        model: from `architecture.build`, built under the strategy.
        split: the images that train, and those that measure each epoch.
        recipe: how to train.
        seed: decides the order of the images in each epoch.
        folder: receives the checkpoints and TensorBoard's logs.
        lesson: what the epoch of a number teaches; None: the images as they are, with their labels.
        xla: let XLA compile whole epochs; None: where there is a GPU. On a processor it is slower
            than oneDNN's kernels.
        identity: settings and digests of data that a checkpoint must have been made with, to go on
            from it.

    Returns:
        One entry an epoch.

    Raises:
        OutputError: the folder cannot be written.
        ResumeError: the folder has a checkpoint of another training.
        Stopped: a signal came; what was trained is saved.
    """
    work = _prepare(model, split, recipe, seed, lesson=lesson, xla=xla)
    variables = _variables(model, work.optimizer, work.kept)
    progress = checkpoint.restore(folder / "checkpoints", variables, identity or {})
    _check_together(progress)
    with (
        signals.heard() as asked,
        contextlib.closing(_tensorboard(folder)) as tensorboard,
        _dropping(model, recipe.dropout),
    ):
        keep = _keeper(
            functools.partial(
                checkpoint.save, folder / "checkpoints", variables, identity=identity or {}
            ),
            asked,
        )
        for number in range(len(progress.history) + 1, recipe.epochs + 1):
            progress = _run_epoch(work, number, progress, keep)
            keep(progress)
            _log(tensorboard, progress.history[-1])
    model.set_weights(work.kept.get_weights())
    return list(progress.history)


@dataclass(frozen=True, eq=False)
class _Training:
    """What a training works with, from the first epoch to the last."""

    model: keras.Model
    kept: keras.Model
    """The moving average of the weights; the model itself where the recipe keeps none."""
    optimizer: keras.Optimizer
    split: Split
    recipe: Recipe
    seed: int
    lesson: Callable[[int], Lesson]
    train: Callable[[Lesson, Batches], tuple[float, int]]
    ask: Callable[[Images], npt.NDArray[np.float32]]
    steps_a_call: int | None
    """None: a whole epoch."""


def _prepare(
    model: keras.Model,
    split: Split,
    recipe: Recipe,
    seed: int,
    *,
    lesson: Callable[[int], Lesson] | None,
    xla: bool | None,
) -> _Training:
    """Make the optimizer, the average and the compiled steps; see `fit`."""
    strategy = tf.distribute.get_strategy()
    distribution.share_statistics(model, strategy)
    optimizer = _optimizer(recipe, -(-len(split.y_train) // recipe.batch_size) * recipe.epochs)
    optimizer.build(model.trainable_variables)
    kept = _copy(model) if recipe.averaging else model
    if xla is None:  # which cannot compile what crosses from replica to replica
        xla = bool(tf.config.get_visible_devices("GPU")) and strategy.num_replicas_in_sync == 1
    return _Training(
        model=model,
        kept=kept,
        optimizer=optimizer,
        split=split,
        recipe=recipe,
        seed=seed,
        lesson=lesson or plain(split, model.output_shape[-1]),
        train=compile_steps(model, optimizer, kept, recipe, split, xla=xla),
        ask=predictor(kept),
        steps_a_call=None if xla else STEPS_A_CALL,
    )


def _run_epoch(
    work: _Training, number: int, progress: Progress, keep: Callable[[Progress], None]
) -> Progress:
    """Train what is left of an epoch, telling `keep` how far it has come, and measure it."""
    print(f"{work.model.name}: epoch {number} of {work.recipe.epochs}")
    started, size = time.monotonic() - progress.seconds, work.recipe.batch_size
    order = shuffled(len(work.split.y_train), work.seed, number)
    batches = _portions(order[progress.steps * size :], size, work.steps_a_call)
    for done in _train_epoch(
        functools.partial(work.train, work.lesson(number)), batches, size, len(order), progress
    ):
        progress = done
        keep(progress)
    if work.kept is not work.model:
        re_estimate(work.kept, work.split.x_train)
    scores = evaluate(work.ask(work.split.x_validation), work.split.y_validation)
    epoch = _epoch(number, progress, len(order), scores, work.optimizer, time.monotonic() - started)
    print(
        f"  validation loss {scores.loss:.4f}, validation accuracy {scores.accuracy:.2%}, "
        f"{epoch.seconds:.0f} s"
    )
    return Progress(history=(*progress.history, epoch))


def _epoch(  # noqa: PLR0917
    number: int,
    progress: Progress,
    images: int,
    scores: Scores,
    optimizer: keras.Optimizer,
    seconds: float,
) -> Epoch:
    return Epoch(
        epoch=number,
        loss=progress.loss / images,
        accuracy=progress.correct / images,
        validation_loss=scores.loss,
        validation_accuracy=scores.accuracy,
        learning_rate=float(tf.convert_to_tensor(optimizer.learning_rate)),
        seconds=seconds,
    )


def _keeper(
    save: Callable[[Progress], None], asked: Callable[[], int | None]
) -> Callable[[Progress], None]:
    """Make the function that is told of every progress: it saves a finished epoch, now and then in
    between, and before it stops."""
    saved = time.monotonic()
    strategy = tf.distribute.get_strategy()

    def keep(progress: Progress) -> None:
        nonlocal saved
        signal_number = distribution.total(strategy, asked() or 0)
        due = progress.steps == 0 or signal_number or time.monotonic() - saved >= SAVE_EVERY
        if due and distribution.is_chief(strategy):
            save(progress)
            saved = time.monotonic()
        if signal_number:
            distribution.wait_for_all(strategy)
            raise signals.Stopped(
                asked() or signal.SIGTERM,
                f"saved after {len(progress.history)} epochs and {progress.steps} steps",
            )

    return keep


def _check_together(progress: Progress) -> None:
    strategy, here = tf.distribute.get_strategy(), [len(progress.history), progress.steps]
    workers = distribution.total(strategy, 1)
    if any(distribution.total(strategy, number) != number * workers for number in here):
        raise ResumeError(
            "expected every worker to go on from the same checkpoint; received one after "
            f"{here[0]} epochs and {here[1]} steps here "
            "and another elsewhere; give all of them the same run folder, on a disk they share"
        )


def shuffled(size: int, seed: int, epoch: int) -> npt.NDArray[np.int32]:
    """The order of the images in one epoch, int32 [size]: a function of seed and epoch, so a
    resumed run has it too."""
    return np.random.default_rng([seed, epoch]).permutation(size).astype(np.int32)


def _optimizer(recipe: Recipe, steps: int) -> keras.Optimizer:
    """Adam, its step size as the recipe has it over a training of `steps` steps."""
    if recipe.decay == "none":
        return keras.optimizers.Adam(recipe.learning_rate)
    rising = round(recipe.warmup * steps)
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            0.0, steps - rising, warmup_target=recipe.learning_rate, warmup_steps=rising
        )
    )


@contextlib.contextmanager
def _dropping(model: keras.Model, share: float | None) -> Iterator[None]:
    """Let the dropout layers drop this share while their steps are compiled and run; None: their
    own."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    own = [layer.rate for layer in layers]
    try:
        for layer, rate in zip(layers, own, strict=True):
            layer.rate = rate if share is None else share
        yield
    finally:
        for layer, rate in zip(layers, own, strict=True):
            layer.rate = rate


def _copy(model: keras.Model) -> keras.Model:
    """The same network with variables of its own."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def _variables(
    model: keras.Model, optimizer: keras.Optimizer, kept: keras.Model
) -> checkpoint.Variables:
    """All that a training is: weights, batch-norm statistics and dropout seeds; the optimizer's
    moments and step count; the average."""
    parts = {"network": model.variables, "optimizer": optimizer.variables}
    return parts if kept is model else {**parts, "average": kept.variables}


def _train_epoch(
    teach: Callable[[Batches], tuple[float, int]],
    portions: Iterator[Batches],
    batch_size: int,
    images: int,
    progress: Progress,
) -> Iterator[Progress]:
    """Train on what is left of an epoch of `images` images; yields how far it has come after each
    call."""
    bar = keras.utils.Progbar(-(-images // batch_size), stateful_metrics=["loss", "accuracy"])
    started = time.monotonic() - progress.seconds
    for batches in portions:
        loss, correct = teach(batches)
        progress = Progress(
            history=progress.history,
            steps=progress.steps + len(batches),
            loss=progress.loss + loss,
            correct=progress.correct + correct,
            seconds=time.monotonic() - started,
        )
        seen = min(progress.steps * batch_size, images)
        bar.update(
            progress.steps, [("loss", progress.loss / seen), ("accuracy", progress.correct / seen)]
        )
        yield progress


def _portions(
    order: npt.NDArray[np.int32], batch_size: int, steps: int | None
) -> Iterator[Batches]:
    """Cut an epoch into calls of up to `steps` full batches (None: all), int32 [steps, batch]; a
    last, smaller batch comes alone."""
    whole = len(order) // batch_size * batch_size
    full = order[:whole].reshape(-1, batch_size)
    steps = steps or max(1, len(full))
    yield from (full[start : start + steps] for start in range(0, len(full), steps))
    if whole < len(order):
        yield order[np.newaxis, whole:]


def _tensorboard(folder: Path) -> tf.summary.SummaryWriter:
    """Where the chief logs; other workers log nowhere."""
    chief = distribution.is_chief(tf.distribute.get_strategy())
    with _writing():
        return (
            tf.summary.create_file_writer(str(folder / "tensorboard"))
            if chief
            else tf.summary.create_noop_writer()
        )


def _writing() -> contextlib.AbstractContextManager[None]:
    """TensorFlow writes to the run's folder in here."""
    return written("a run folder", "make room and start again, it resumes")


def _log(tensorboard: tf.summary.SummaryWriter, epoch: Epoch) -> None:
    """Append one epoch to TensorBoard's logs."""
    with _writing(), tensorboard.as_default(step=epoch.epoch):
        for name, value in epoch.model_dump(exclude={"epoch"}).items():
            tf.summary.scalar(name, value)
        tensorboard.flush()
