"""What the layers of the network see in a drawing: its feature maps, from a signature that a
version may lack."""

import logging
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.client import Client, InvalidRequestError
from ui.answers.drawing import Sheet
from ui.answers.on_demand import ask_about
from ui.answers.reading import Notice

_log = logging.getLogger(__name__)

NO_MAPS: Final = Notice("The model version that answers now cannot show its layers.", retry=False)


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """The maps of one image."""

    layers: NDArray[np.uint8]
    """uint8 [layers, maps, 28, 28], 0..255: from the first layer to a deep one, in each the maps
    that respond most, the strongest first; 255 is the brightest pixel of the layer."""


def ask(client: Client, sheet: Sheet) -> FeatureMaps | Notice:
    """Ask the model server what its layers see in a drawing. Never raises."""
    return ask_about(client, sheet, _look)


def _look(client: Client, image: NDArray[np.uint8]) -> FeatureMaps | Notice:
    try:
        [layers] = client.feature_maps(image[np.newaxis])
    except InvalidRequestError as error:  # another version answers than when the button was shown
        _log.warning("%s", error)
        return NO_MAPS
    return FeatureMaps(layers)
