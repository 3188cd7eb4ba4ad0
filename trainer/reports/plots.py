"""The plots of a run, as PNG files whose bytes depend on nothing but the figures.

They are drawn on white, since the pages they are shown on may be light or dark, and a network has
the same colour in all of them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import (
    FixedLocator,
    LogLocator,
    MaxNLocator,
    MultipleLocator,
    NullLocator,
    PercentFormatter,
)

from trainer.evaluation.calibration import Calibration
from trainer.evaluation.confidence import Confidence
from trainer.evaluation.metrics import Scores, interval
from trainer.evaluation.risk_coverage import COVERAGES
from trainer.networks.history import History

COLOURS: Final = {"conv3": "#0072B2", "conv5": "#D55E00", "conv7": "#009E73"}
"""By architecture; told apart by colour-blind readers too. Source: Okabe and Ito, Color Universal
Design, 2008."""
_OTHER: Final = "#5F5F5F"
INK: Final = "#24292F"
_GRID: Final = "#D8DEE4"
_RIGHT: Final = "#EAEEF2"
"""Background of what was read right: there, but quiet beside the errors."""
_ERRORS: Final = LinearSegmentedColormap.from_list(
    "errors", ["#FFFFFF", "#FDBE85", "#D94701", "#7F2704"]
).with_extremes(bad=_RIGHT)
DOTS_PER_INCH: Final = 144
"""Twice the 72 of a plain screen, so that text stays sharp on a dense one."""

_MARGIN: Final = 0.12
"""Inches around every part."""

_LEAST_ERROR: Final = 1e-5
"""Where no error at all is drawn; a logarithm has no place for it."""


def loss_plot(history: History, architecture: str, path: Path) -> None:
    """Draw validation and train loss of one network over its epochs.

    Args:
        history: one entry an epoch, at least one.
        architecture: name of the network; gives title and colour.
        path: PNG file to write.
    """
    figure, (axes,) = _figure(1, width=7.0, height=4.2)
    epochs = [epoch.epoch for epoch in history]
    colour = COLOURS.get(architecture, _OTHER)
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
    axes.set_title(f"{architecture}: loss over epochs", loc="left", color=INK, fontweight="bold")
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
    figure, (losses, errors) = _figure(2, width=10.0, height=4.2)
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
    figure, panels = _figure(len(errors), width=5.0 * len(errors), height=4.2)
    for axes, (recipe, curves) in zip(panels, errors.items(), strict=True):
        _curves(axes, curves, recipe, "validation images read wrong (%)", scale=100)
    limits = [limit for axes in panels for limit in axes.get_ylim()]
    for axes in panels:
        axes.set_ylim(min(limits), max(limits))
    panels[-1].legend(frameon=False, labelcolor=INK, loc="upper right")
    save(figure, path)


def _curves(
    axes: Any,
    curves: Mapping[str, Sequence[float]],
    title: str,
    label: str,
    *,
    scale: float,
) -> None:
    """One line for each network over its epochs, logarithmic, with ticks in plain numbers."""
    for name, values in curves.items():
        axes.plot(
            range(1, len(values) + 1),
            [scale * max(_LEAST_ERROR, value) for value in values],
            color=COLOURS.get(name, _OTHER),
            marker="o",
            markersize=4,
            linewidth=2,
            label=name,
        )
    axes.set_title(title, loc="left", color=INK, fontweight="bold")
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
    figure, (axes,) = _figure(1, width=1.1 + 0.5 * len(labels), height=1.3 + 0.5 * len(labels))
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
    axes.set_title(
        f"{scores.errors:,} of {scores.images:,} images read wrong",
        loc="left",
        color=INK,
        fontweight="bold",
    )
    axes.grid(visible=False)
    axes.set_xticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=_GRID, linewidth=0.8)
    axes.tick_params(which="both", length=0)
    save(figure, path)


def reliability_plot(confidence: Confidence, architecture: str, path: Path) -> None:
    """Draw how often a network is right against how sure it is, before and after its temperature,
    with 95 % intervals.

    Args:
        confidence: what the network knows about its answers.
        architecture: name of the network; gives title and colour.
        path: PNG file to write.
    """
    figure, every = _figure(2, width=10.0, height=5.2)
    for axes, name, measured in zip(
        every, ("validation", "test"), (confidence.validation, confidence.test), strict=True
    ):
        axes.plot([0, 1], [0, 1], color=_GRID, linewidth=1.5)
        _reliability(
            axes,
            measured.as_trained,
            color=_OTHER,
            fmt="o",
            markerfacecolor="white",
            label="as trained",
        )
        calibrated = f"calibrated, T = {confidence.temperature:.2f}"
        _reliability(
            axes,
            measured.calibrated,
            color=COLOURS.get(architecture, INK),
            fmt="s",
            label=calibrated,
        )
        axes.set_title(f"{architecture}, {name}", loc="left", color=INK, fontweight="bold")
        axes.set_xlabel("confidence (mean of the bin, %)", color=INK)
        axes.set_ylabel("images read right (%)", color=INK)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MultipleLocator(0.2))
            axis.set_major_formatter(PercentFormatter(xmax=1, symbol=None))
        axes.set(xlim=(0, 1.03), ylim=(-0.03, 1.03))
        axes.legend(
            frameon=False,
            labelcolor=INK,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.14),
            ncols=2,
            fontsize=9,
        )
    save(figure, path)


def _reliability(axes: Any, calibration: Calibration, **style: Any) -> None:
    """One point a bin, with the interval of its accuracy."""
    accuracies = np.array([one.accuracy for one in calibration.bins])
    intervals = np.array([interval(one.accuracy, one.images) for one in calibration.bins])
    reach = np.abs(intervals.T - accuracies)
    label = f"{style.pop('label')}, ECE {calibration.ece:.2%}"
    axes.errorbar(
        [one.confidence for one in calibration.bins],
        accuracies,
        reach,
        markersize=5,
        elinewidth=1,
        capsize=2,
        label=label,
        **style,
    )


def risk_coverage_plot(curves: Mapping[str, Confidence], path: Path) -> None:
    """Draw how the error falls as the least sure answers are refused, on the validation and on the
    test set.

    Args:
        curves: what each network knows about its answers, by architecture.
        path: PNG file to write.
    """
    figure, every = _figure(2, width=10.0, height=4.2)
    refused = 1 - np.array(COVERAGES)
    for axes, name in zip(every, ("validation", "test"), strict=True):
        for architecture, confidence in curves.items():
            coverage = getattr(confidence, name).coverage
            colour = COLOURS.get(architecture, _OTHER)
            axes.plot(
                refused,
                coverage.risks,
                color=colour,
                marker="o",
                markersize=3,
                linewidth=2,
                label=architecture,
            )
        axes.set_title(f"risk and coverage, {name}", loc="left", color=INK, fontweight="bold")
        axes.set_xlabel("least sure images refused (%)", color=INK)
        axes.set_ylabel("read wrong among the answered (%)", color=INK)
        axes.set_xscale("symlog", linthresh=0.001)
        axes.xaxis.set_major_locator(FixedLocator([0, 0.001, 0.01, 0.1, 0.9]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}")
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, symbol=None))
    every[-1].legend(frameon=False, labelcolor=INK, loc="upper right")
    save(figure, path)


def _figure(columns: int, width: float, height: float) -> tuple[Figure, list[Any]]:
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
        axes.grid(color=_GRID, linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_GRID)
        axes.tick_params(colors=INK, color=_GRID)
        axes.set_xlabel("epoch", color=INK)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure, every


def save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="png", metadata={"Software": None})
