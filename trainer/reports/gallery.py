"""The gallery of the worst mistakes: the images themselves, with truth, answer, confidence and
name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from digits.contract import IMAGE_SIZE, PIXEL_MAX
from trainer.data.arrays import Images
from trainer.evaluation.mistakes import Mistake
from trainer.reports.plots import DOTS_PER_INCH, INK, save

_COLUMNS: Final = 8
_INCHES: Final = 1.2
"""Side of one image."""
_CAPTION: Final = 18
"""Height of the words below an image, in pixels of the images."""
_GAP: Final = 4
_DISPUTED: Final = "#B3261E"


def mistakes_gallery(
    mistakes: Sequence[Mistake], images: Images, labels: Sequence[str], title: str, path: Path
) -> None:
    """Draw mistakes in rows, ink dark on paper, most confident first; labels that people dispute
    are marked.

    Args:
        mistakes: at least one.
        images: uint8 [n, 28, 28], the array that the mistakes name their image in.
        labels: text of each class.
        title: what the picture shows.
        path: PNG file to write.
    """
    rows, columns = -(-len(mistakes) // _COLUMNS), min(_COLUMNS, max(4, len(mistakes)))
    width, height = IMAGE_SIZE + _GAP, IMAGE_SIZE + _CAPTION
    scale = _INCHES / IMAGE_SIZE
    figure = Figure(
        figsize=(columns * width * scale, rows * height * scale + 0.4),
        dpi=DOTS_PER_INCH,
        facecolor="white",
    )
    axes = figure.add_axes((0, 0, 1, 1 - 0.4 / figure.get_figheight()))
    sheet = np.zeros((rows * height, columns * width), np.uint8)
    for place, mistake in enumerate(mistakes):
        top, left = place // _COLUMNS * height, place % _COLUMNS * width + _GAP // 2
        sheet[top : top + IMAGE_SIZE, left : left + IMAGE_SIZE] = images[mistake.image]
        words, colour = _caption(mistake, labels), _DISPUTED if mistake.disputed else INK
        axes.text(
            left + IMAGE_SIZE / 2,
            top + IMAGE_SIZE + 1,
            words,
            ha="center",
            va="top",
            fontsize=7.5,
            linespacing=1.25,
            color=colour,
        )
    axes.imshow(
        sheet, cmap="gray_r", vmin=0, vmax=PIXEL_MAX, interpolation="nearest", aspect="auto"
    )
    axes.set_axis_off()
    figure.text(
        0.01,
        1 - 0.2 / figure.get_figheight(),
        title,
        color=INK,
        fontweight="bold",
        va="center",
        fontsize=9,
    )
    save(figure, path)


def _caption(mistake: Mistake, labels: Sequence[str]) -> str:
    disputed = "\nlabel disputed" if mistake.disputed else ""
    return (
        f"{labels[mistake.truth]} read as {labels[mistake.read]}\n{mistake.confidence:.2%}, "
        f"#{mistake.image}{disputed}"
    )
