"""The plots of a run: loss, error and confusion."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import LogLocator, NullLocator

from trainer.evaluation.metrics import Scores
from trainer.networks.history import History
from trainer.reports.plot_style import COLOURS, GRID, INK, OTHER, entitle, new_figure, save

_RIGHT: Final = "#EAEEF2"
"""Background of what was read right: there, but quiet beside the errors."""
_ERRORS: Final = LinearSegmentedColormap.from_list(
    "errors", ["#FFFFFF", "#FDBE85", "#D94701", "#7F2704"]
).with_extremes(bad=_RIGHT)
_LEAST_ERROR: Final = 1e-5
"""Where no error at all is drawn; a logarithm has no place for it."""


def loss_plot(history: History, architecture: str, path: Path) -> None:
    """Draw validation and train loss of one network over its epochs.

    Args:
        history: one entry an epoch, at least one.
        architecture: name of the network; gives title and colour.
        path: PNG file to write.
    """
    figure, (axes,) = new_figure(1, width=7.0, height=4.2)
    epochs = [epoch.epoch for epoch in history]
    colour = COLOURS.get(architecture, OTHER)
    axes.plot(
        epochs,
        [e.validation_loss for e in history],
        color=colour,
        marker="o",
        markersize=4,
        linewidth=2,
        label="validation",
    )
    axes.plot(
        epochs,
        [e.loss for e in history],
        color=colour,
        alpha=0.55,
        linestyle="--",
        linewidth=2,
        label="train",
    )
    entitle(axes, f"{architecture}: loss over epochs")
    axes.set_ylabel("mean cross-entropy (nats per image)", color=INK)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, labelcolor=INK)
    save(figure, path)


def comparison_plot(histories: Mapping[str, History], path: Path) -> None:
    """Draw validation loss and error of several networks side by side, on logarithmic axes: late
    epochs differ little.

    Args:
        histories: one entry an epoch, at least one, by architecture.
        path: PNG file to write.
    """
    figure, (losses, errors) = new_figure(2, width=10.0, height=4.2)
    loss = {name: [e.validation_loss for e in history] for name, history in histories.items()}
    error = {
        name: [1 - e.validation_accuracy for e in history] for name, history in histories.items()
    }
    _curves(losses, loss, "validation loss", "mean cross-entropy (nats per image)", scale=1)
    _curves(errors, error, "validation error", "images read wrong (%)", scale=100)
    errors.legend(frameon=False, labelcolor=INK, loc="upper right")
    save(figure, path)


def error_plot(errors: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    """Draw the validation error over the epochs, a panel for each recipe.

    Args:
        errors: by recipe, then by architecture: shares read wrong, 0..1, one for each epoch.
        path: PNG file to write.
    """
    figure, panels = new_figure(len(errors), width=5.0 * len(errors), height=4.2)
    for axes, (recipe, curves) in zip(panels, errors.items(), strict=True):
        _curves(axes, curves, recipe, "validation images read wrong (%)", scale=100)
    limits = [limit for axes in panels for limit in axes.get_ylim()]
    for axes in panels:
        axes.set_ylim(min(limits), max(limits))
    panels[-1].legend(frameon=False, labelcolor=INK, loc="upper right")
    save(figure, path)


def _curves(
    axes: Any, curves: Mapping[str, Sequence[float]], title: str, label: str, *, scale: float
) -> None:
    """One line for each network over its epochs, logarithmic, with ticks in plain numbers."""
    for name, values in curves.items():
        axes.plot(
            range(1, len(values) + 1),
            [scale * max(_LEAST_ERROR, value) for value in values],
            color=COLOURS.get(name, OTHER),
            marker="o",
            markersize=4,
            linewidth=2,
            label=name,
        )
    entitle(axes, title)
    axes.set_ylabel(label, color=INK)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def confusion_plot(scores: Scores, labels: Sequence[str], path: Path) -> None:
    """Draw how often each class was read as each other; the errors are coloured, what is right is
    grey.

    Args:
        scores: scores on one set of images.
        labels: text of each class.
        path: PNG file to write.
    """
    counts = np.array(scores.confusion)
    right = np.eye(len(labels), dtype=bool)
    figure, (axes,) = new_figure(1, width=1.1 + 0.5 * len(labels), height=1.3 + 0.5 * len(labels))
    largest = max(1, int(counts[~right].max(initial=0)))
    axes.imshow(np.ma.masked_array(counts, right), cmap=_ERRORS, vmin=0, vmax=largest)
    for (row, column), count in np.ndenumerate(counts):
        if count or row == column:
            shade = "white" if row != column and count > 0.55 * largest else INK
            axes.text(column, row, f"{count}", ha="center", va="center", fontsize=9, color=shade)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("class read", color=INK)
    axes.set_ylabel("true class", color=INK)
    entitle(axes, f"{scores.errors:,} of {scores.images:,} images read wrong")
    axes.grid(visible=False)
    axes.set_xticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=GRID, linewidth=0.8)
    axes.tick_params(which="both", length=0)
    save(figure, path)
