"""What happens between the steps of a training: checkpoints, logs, and the stop on a signal."""

import contextlib
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import tensorflow as tf

from trainer.disk import written
from trainer.training import checkpoint, distribution, signals
from trainer.training.checkpoint import Progress
from trainer.training.state import TrainState

SAVE_EVERY: Final = 30.0
"""Seconds of work that a kill loses at most. A checkpoint takes some hundredths of a second."""


class Callback(Protocol):
    """Called in the order of the list that `fit` makes."""

    def after_steps(self, state: TrainState) -> None:
        """Some steps of an epoch have been trained."""

    def after_epoch(self, state: TrainState) -> None:
        """An epoch has been trained and measured."""


class SaveCheckpoint:
    """Saves the state at the end of an epoch and every 30 s in between; the chief alone writes."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """See `checkpoint.save`."""
        self._folder, self._identity = folder, identity
        self._saved_at = time.monotonic()
        self._saved: Progress | None = None

    def after_steps(self, state: TrainState) -> None:
        """Save if it is due."""
        if time.monotonic() - self._saved_at >= SAVE_EVERY:
            self.save(state)

    def after_epoch(self, state: TrainState) -> None:
        """Save."""
        self.save(state)

    def save(self, state: TrainState) -> None:
        """Save now, unless this very state has been saved."""
        if state.progress is self._saved or not distribution.is_chief(tf.distribute.get_strategy()):
            return
        checkpoint.save(self._folder, state.variables(), state.progress, self._identity)
        self._saved, self._saved_at = state.progress, time.monotonic()


class StopOnSignal:
    """Ends the training once any worker has received a signal; saves first."""

    def __init__(self, stop_requested: Callable[[], int | None], save: SaveCheckpoint) -> None:
        """Args: gives the number of the signal that came, see `signals.deferred`; what saves."""
        self._stop_requested, self._save = stop_requested, save

    def after_steps(self, state: TrainState) -> None:
        """Stop if a signal came.

        Raises:
            Stopped: a signal came to this worker or to another one.
        """
        strategy = tf.distribute.get_strategy()
        if not distribution.total(strategy, self._stop_requested() or 0):
            return
        self._save.save(state)
        distribution.wait_for_all(strategy)
        raise signals.Stopped(
            self._stop_requested() or signal.SIGTERM,
            f"saved after {len(state.progress.history)} epochs and {state.progress.steps} steps",
        )

    def after_epoch(self, state: TrainState) -> None:
        """As after steps."""
        self.after_steps(state)


class LogToTensorBoard:
    """Logs every epoch; the chief alone."""

    def __init__(self, folder: Path) -> None:
        """Open the logs in `folder`."""
        chief = distribution.is_chief(tf.distribute.get_strategy())
        with _writing():
            self._writer = (
                tf.summary.create_file_writer(str(folder))
                if chief
                else tf.summary.create_noop_writer()
            )

    def after_steps(self, state: TrainState) -> None:
        """Nothing: only epochs are logged."""

    def after_epoch(self, state: TrainState) -> None:
        """Append the epoch."""
        epoch = state.progress.history[-1]
        with _writing(), self._writer.as_default(step=epoch.epoch):
            for name, value in epoch.model_dump(exclude={"epoch"}).items():
                tf.summary.scalar(name, value)
            self._writer.flush()

    def close(self) -> None:
        """Close the logs."""
        self._writer.close()


def _writing() -> contextlib.AbstractContextManager[None]:
    """TensorFlow writes to the run's folder in here."""
    return written("a run folder", "make room and start again, it resumes")
