"""A trained network: what training hands to evaluation and export."""

from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from trainer.networks.history import History


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained network.

    Attributes:
        name: name of the architecture, or of the ensemble.
        seed: of its run.
        model: the network with float32 arithmetic, or in the precision of the export.
        history: one entry an epoch; none for an ensemble.
        validation: its probabilities for the validation images, float32 [n, classes].
    """

    name: str
    seed: int
    model: keras.Model
    history: History
    validation: npt.NDArray[np.float32]
