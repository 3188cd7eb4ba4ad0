"""What the layers of the network see, as HTML: a row of small maps for each layer."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ui.answers.feature_maps import FeatureMaps
from ui.answers.reading import Notice
from ui.markup.panel import instead, png

_LAYERS: Final = (
    ("Early layer", "edges and strokes"),
    ("Middle layer", "parts of the digit"),
    ("Deep layer", "where larger shapes are, only roughly"),
)
"""What each row shows, in words that hold for every network."""
_EXPLAINED: Final = (
    "Each square is a feature map: bright where one filter of the network found its pattern. Of "
    "each layer these are the {} that respond most, the strongest first."
)


def render(outcome: FeatureMaps | Notice, asked: int) -> str:
    """The figure or the sentence; `asked` is the number of the question about the drawing."""
    if isinstance(outcome, Notice):
        return instead(outcome, asked)
    rows = "".join(
        _row(name, told, maps) for (name, told), maps in zip(_LAYERS, outcome.layers, strict=True)
    )
    return (
        f'<figure class="extra layers" data-asked="{asked}">{rows}<figcaption><p role="status">'
        f"{_EXPLAINED.format(outcome.layers.shape[1])}</p></figcaption></figure>"
    )


def _row(name: str, told: str, maps: NDArray[np.uint8]) -> str:
    """The maps uint8 [n, 28, 28] of one layer side by side in one image, of which each button shows
    its part; the page's script enlarges it, and moves between the buttons by arrow keys."""
    buttons = "".join(
        f'<button type="button" style="--place: {place}" tabindex="{0 if place == 0 else -1}" '
        f'title="Enlarge" aria-label="{name}, map {place + 1} of {len(maps)}"></button>'
        for place in range(len(maps))
    )
    return (
        f"<p><strong>{name}:</strong> {told}</p>"
        f'<div class="maps" role="toolbar" aria-label="{told}" '
        f'style="--count: {len(maps)}; --maps: url({png(np.hstack(list(maps)))})">{buttons}</div>'
    )
