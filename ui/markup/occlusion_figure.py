"""What would change the model's answer, as HTML: the image in blue and orange, and one sentence."""

from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray

from digits.contract import IMAGE_SIZE, PIXEL_MAX
from digits.percent import percent
from ui.answers.occlusion import PART, Change, Occlusion, Place
from ui.answers.reading import Notice
from ui.markup.panel import instead, png

_FOR: Final = np.array((70, 140, 255))
"""Red, green, blue of what speaks for the answer."""
_AGAINST: Final = np.array((255, 150, 40))
"""And against it."""
_NEUTRAL: Final = np.array((215, 215, 215))
_WEAK: Final = np.log(2)
"""Influence on the log-odds that is never shown in full colour: the odds halve or double."""
_NO_CHANGE: Final = "No single part decides it."
_ROWS: Final = ("top", "middle", "bottom")
_COLUMNS: Final = ("left", "centre", "right")


def render(outcome: Occlusion | Notice, asked: int) -> str:
    """The figure or the sentence; `asked` is the number of the question about the drawing."""
    if isinstance(outcome, Notice):
        return instead(outcome, asked)
    label = escape(outcome.label)
    box = "" if outcome.change is None else _box(outcome.change)
    return (
        f'<figure class="extra parts" data-asked="{asked}">'
        f'<svg viewBox="0 0 {IMAGE_SIZE} {IMAGE_SIZE}" role="img" aria-label="The model input: '
        f'blue parts speak for {label}, orange ones against it">'
        f'<image href="{png(_coloured(outcome))}" width="{IMAGE_SIZE}" height="{IMAGE_SIZE}"/>'
        f"{box}</svg><figcaption>"
        f'<p role="status">{_sentence(outcome)}</p>'
        f"<p>Blue speaks for {label}, orange against it.</p></figcaption></figure>"
    )


def _sentence(outcome: Occlusion) -> str:
    change = outcome.change
    if change is None:
        return _NO_CHANGE
    share = escape(percent(change.probability))
    return (
        f"Without this part (in the box, {_where(change.place, outcome.image)}) it would be read "
        f"as <strong>{escape(change.label)}</strong> ({share})."
    )


def _where(place: Place, image: NDArray[np.uint8]) -> str:
    """The third of the ink's own rows and columns in which the middle of a part is, in words."""
    row, column = (_third(start, ink) for start, ink in zip(place, np.nonzero(image), strict=True))
    words = [] if row == column == 1 else [_ROWS[row]]
    return " ".join([*words, _COLUMNS[column]])


def _third(start: int, ink: NDArray[np.int64]) -> int:
    """0, 1 or 2: where a part that begins at `start` is between the first and the last ink."""
    first, size = int(ink.min()), int(np.ptp(ink)) + 1
    return int(np.clip((start + PART / 2 - first) * 3 // size, 0, 2))


def _box(change: Change) -> str:
    top, left = change.place
    return f'<rect x="{left}" y="{top}" width="{PART}" height="{PART}"/>'


def _coloured(outcome: Occlusion) -> NDArray[np.uint8]:
    """The ink uint8 [28, 28, 3], each pixel the more coloured the more it matters."""
    influence = outcome.influence[..., np.newaxis]
    strength = np.abs(influence) / max(float(np.abs(influence).max()), _WEAK)
    colour = np.where(influence > 0, _FOR, _AGAINST)
    ink = outcome.image[..., np.newaxis] / PIXEL_MAX
    shown = ink * (strength * colour + (1 - strength) * _NEUTRAL)
    return np.asarray(np.round(shown), np.uint8)
