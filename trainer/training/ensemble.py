"""The networks that a run offers: each in the precision of the export, and their mean."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import keras
import numpy as np

from digits.contract import IMAGE_SIZE
from trainer.context import Context
from trainer.networks.inference import predict
from trainer.networks.trained import TrainedNetwork
from trainer.training.saved import in_precision

ENSEMBLE: Final = "ensemble"
"""Its name, where a network has that of its architecture."""


def offer(networks: Sequence[TrainedNetwork], context: Context) -> list[TrainedNetwork]:
    """Every network in the precision it is exported with, so that what is measured is what is
    served; and their ensemble, if the settings ask for it."""
    offered = [_as_exported(network, context) for network in networks]
    return [*offered, ensemble(offered)] if context.settings.ensemble and offered[1:] else offered


def ensemble(networks: Sequence[TrainedNetwork]) -> TrainedNetwork:
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
    return TrainedNetwork(
        name=ENSEMBLE,
        seed=networks[0].seed,
        model=keras.Model(image, probabilities, name=ENSEMBLE),
        history=[],
        validation=np.mean([network.validation for network in networks], axis=0),
    )


def _as_exported(network: TrainedNetwork, context: Context) -> TrainedNetwork:
    precision = context.settings.export_precision
    if precision == "float32":
        return network
    model = in_precision(network, len(context.data.labels), precision)
    return replace(network, model=model, validation=predict(model, context.split.x_validation))
