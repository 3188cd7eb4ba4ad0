"""The gallery of the worst mistakes: the images themselves, with truth, answer, confidence and
name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from digits.contract import IMAGE_SIZE, PIXEL_MAX
from trainer.data.arrays import Images
from trainer.evaluation.mistakes import Mistake
from trainer.reports.plot_style import DOTS_PER_INCH, INK, save

_COLUMNS: Final = 8
_INCHES: Final = 1.2
"""Side of one image."""
_CAPTION: Final = 18
"""Height of the words below an image, in pixels of the images."""
_GAP: Final = 4
_WIDTH: Final = IMAGE_SIZE + _GAP
_HEIGHT: Final = IMAGE_SIZE + _CAPTION
_TITLE_INCHES: Final = 0.4
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
    scale = _INCHES / IMAGE_SIZE
    figure = Figure(
        figsize=(columns * _WIDTH * scale, rows * _HEIGHT * scale + _TITLE_INCHES),
        dpi=DOTS_PER_INCH,
        facecolor="white",
    )
    inches = figure.get_figheight()
    axes = figure.add_axes((0, 0, 1, 1 - _TITLE_INCHES / inches))
    sheet = np.zeros((rows * _HEIGHT, columns * _WIDTH), np.uint8)
    for place, mistake in enumerate(mistakes):
        top, left = place // _COLUMNS * _HEIGHT, place % _COLUMNS * _WIDTH + _GAP // 2
        sheet[top : top + IMAGE_SIZE, left : left + IMAGE_SIZE] = images[mistake.image]
        _write_caption(axes, left + IMAGE_SIZE / 2, top + IMAGE_SIZE + 1, mistake, labels)
    axes.imshow(
        sheet, cmap="gray_r", vmin=0, vmax=PIXEL_MAX, interpolation="nearest", aspect="auto"
    )
    axes.set_axis_off()
    middle = 1 - _TITLE_INCHES / 2 / inches
    figure.text(0.01, middle, title, color=INK, fontweight="bold", va="center", fontsize=9)
    save(figure, path)


def _write_caption(axes: Axes, x: float, y: float, mistake: Mistake, labels: Sequence[str]) -> None:
    axes.text(
        x,
        y,
        _caption(mistake, labels),
        ha="center",
        va="top",
        fontsize=7.5,
        linespacing=1.25,
        color=_DISPUTED if mistake.disputed else INK,
    )


def _caption(mistake: Mistake, labels: Sequence[str]) -> str:
    disputed = "\nlabel disputed" if mistake.disputed else ""
    return (
        f"{labels[mistake.truth]} read as {labels[mistake.read]}\n{mistake.confidence:.2%}, "
        f"#{mistake.image}{disputed}"
    )
