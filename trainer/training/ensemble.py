"""The mean of several networks as one model, behind the same contract."""

from collections.abc import Sequence
from typing import Final

import keras
import numpy as np

from digits.contract import IMAGE_SIZE
from trainer.training.train import Trained

ENSEMBLE: Final = "ensemble"
"""Its name, where a network has that of its architecture."""


def ensemble(networks: Sequence[Trained]) -> Trained:
    """Join networks into one whose probabilities are the mean of theirs.

    Args:
        networks: of one run, at least two.

    Returns:
        The joined model; its weights are those of the networks, and it has no history of its own.
    """
    image = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="image")
    probabilities = keras.layers.Average(name="probabilities")(
        [network.model(image) for network in networks]
    )
    return Trained(
        name=ENSEMBLE,
        seed=networks[0].seed,
        model=keras.Model(image, probabilities, name=ENSEMBLE),
        history=[],
        validation=np.mean([network.validation for network in networks], axis=0),
    )
