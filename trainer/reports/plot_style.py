"""What all plots have in common: colours, resolution, quiet axes, and PNG files whose bytes depend
on nothing but the values.

They are drawn on white, since the pages they are shown on may be light or dark, and a network has
the same colour in all of them.
"""

from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

COLOURS: Final = {"conv3": "#0072B2", "conv5": "#D55E00", "conv7": "#009E73"}
"""By architecture; told apart by colour-blind readers too. Source: Okabe and Ito, Color Universal
Design, 2008."""
OTHER: Final = "#5F5F5F"
INK: Final = "#24292F"
GRID: Final = "#D8DEE4"
DOTS_PER_INCH: Final = 144
"""Twice the 72 of a plain screen, so that text stays sharp on a dense one."""
_MARGIN: Final = 0.12
"""Inches around every part."""


def new_figure(columns: int, width: float, height: float) -> tuple[Figure, list[Any]]:
    """A white figure with `columns` quiet axes over epochs; sizes in inches. No pyplot, so no state
    is shared."""
    figure = Figure(
        figsize=(width, height),
        dpi=DOTS_PER_INCH,
        facecolor="white",
        layout=ConstrainedLayoutEngine(w_pad=_MARGIN, h_pad=_MARGIN),
    )
    every = list(figure.subplots(1, columns, squeeze=False)[0])
    for axes in every:
        axes.set_facecolor("white")
        axes.set_axisbelow(True)
        axes.grid(color=GRID, linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GRID)
        axes.tick_params(colors=INK, color=GRID)
        axes.set_xlabel("epoch", color=INK)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure, every


def entitle(axes: Any, title: str) -> None:
    """Put a title above the left end of the axes."""
    axes.set_title(title, loc="left", color=INK, fontweight="bold")


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG."""
    figure.savefig(path, format="png", metadata={"Software": None})
