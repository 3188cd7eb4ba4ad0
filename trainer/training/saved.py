"""Save a finished network in its run's folder, and read it again."""

import zipfile
from pathlib import Path
from typing import Final

import keras

from digits.files import write_synced
from trainer.data.split import Split
from trainer.errors import ResumeError
from trainer.networks import allconv
from trainer.networks.architecture import ARCHITECTURES, build
from trainer.networks.history import History, read_history, write_history
from trainer.networks.inference import predict
from trainer.networks.trained import TrainedNetwork

MODEL_FILE: Final = "model.keras"
HISTORY_FILE: Final = "history.json"
"""Written last: its presence says that the network is finished."""


def is_finished(folder: Path) -> bool:
    """Tell whether the network in `folder` has been trained to its end."""
    return (folder / HISTORY_FILE).exists()


def save(folder: Path, network: keras.Model, history: History, classes: int) -> None:
    """Save a network with float32 arithmetic, whatever it was trained in, then its history."""
    in_float32 = build(network.name, classes)
    in_float32.set_weights(network.get_weights())
    unsynced = folder / f"unsynced-{MODEL_FILE}"
    in_float32.save(unsynced)
    write_synced(folder / MODEL_FILE, unsynced.read_bytes())
    unsynced.unlink()
    write_history(history, folder / HISTORY_FILE)


def read(folder: Path, seed: int, split: Split) -> TrainedNetwork:
    """Read the finished network in `folder`, and let it predict the validation images.

    Raises:
        ResumeError: a file is damaged.
    """
    try:
        model = keras.saving.load_model(folder / MODEL_FILE)
        history = read_history(folder / HISTORY_FILE)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ResumeError(
            f"expected the finished network in '{folder}'; received a damaged {MODEL_FILE} or "
            f"{HISTORY_FILE}; "
            f"remove {HISTORY_FILE}: the same command then resumes from the last checkpoint"
        ) from error
    return TrainedNetwork(folder.name, seed, model, history, predict(model, split.x_validation))


def read_all(run: Path, seed: int, split: Split) -> list[TrainedNetwork]:
    """Read every finished network in the folder `run`, of a run with `seed`."""
    names = (*ARCHITECTURES, allconv.NAME)
    return [read(run / name, seed, split) for name in names if is_finished(run / name)]


def in_precision(trained: TrainedNetwork, classes: int, precision: str) -> keras.Model:
    """The same network with the same float32 weights, computing in `precision`, "float32" or
    "bfloat16"."""
    model = build(trained.name, classes, precision=precision)
    model.set_weights(trained.model.get_weights())
    return model
