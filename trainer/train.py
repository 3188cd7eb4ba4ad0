"""Train one network of a run and keep it, or take it from the run's folder where it is already done."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import keras
import numpy as np
import numpy.typing as npt

from digits.store import write_synced
from trainer.architecture import build
from trainer.errors import ResumeError
from trainer.fit import fit
from trainer.history import History, read_history, write_history
from trainer.predict import predict
from trainer.settings import TrainerSettings
from trainer.split import Split

MODEL_FILE: Final = "model.keras"
HISTORY_FILE: Final = "history.json"


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network.

    Attributes:
        name: name of the architecture.
        model: the network with float32 arithmetic, as it will be exported.
        history: one entry an epoch.
        validation: its probabilities for the validation images, float32 [n, classes].
    """

    name: str
    model: keras.Model
    history: History
    validation: npt.NDArray[np.float32]


def train(name: str, settings: TrainerSettings, split: Split, classes: int, run: Path) -> Trained:
    """Train one network, or read it from `run / name` if it has finished before.

    Raises:
        OutputError: the run's folder cannot be written.
        ResumeError: `settings.publish_only` and the network has not finished.
    """
    folder = run / name
    if not (folder / HISTORY_FILE).exists():
        if settings.publish_only:
            raise ResumeError(f"expected a finished run; received '{run}' without a finished {name}; run it again without --publish_only")
        _train_and_save(name, settings, split, classes, folder)
    model = keras.saving.load_model(folder / MODEL_FILE)
    return Trained(name, model, read_history(folder / HISTORY_FILE), predict(model, split.x_validation))


def _train_and_save(name: str, settings: TrainerSettings, split: Split, classes: int, folder: Path) -> None:
    """Leave the model, then the history: its presence says that the network is finished."""
    recipe = settings.chosen_recipe()
    network = build(name, classes, settings.seed, settings.precision, recipe.initialisation)
    network.summary()
    history = fit(network, split, recipe, settings.seed, folder)
    in_float32 = build(name, classes)
    in_float32.set_weights(network.get_weights())
    unsynced = folder / f"unsynced-{MODEL_FILE}"
    in_float32.save(unsynced)
    write_synced(folder / MODEL_FILE, unsynced.read_bytes())
    unsynced.unlink()
    write_history(history, folder / HISTORY_FILE)
