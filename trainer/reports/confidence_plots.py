"""Plots of what a network knows about its answers: reliability, risk and coverage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import FixedLocator, MultipleLocator, NullLocator, PercentFormatter

from trainer.evaluation.calibration import Calibration
from trainer.evaluation.confidence import Confidence
from trainer.evaluation.metrics import interval
from trainer.evaluation.risk_coverage import COVERAGES
from trainer.reports.plot_style import COLOURS, GRID, INK, OTHER, entitle, new_figure, save


def reliability_plot(confidence: Confidence, architecture: str, path: Path) -> None:
    """Draw how often a network is right against how sure it is, before and after its temperature,
    with 95 % intervals.

    Args:
        confidence: what the network knows about its answers.
        architecture: name of the network; gives title and colour.
        path: PNG file to write.
    """
    figure, every = new_figure(2, width=10.0, height=5.2)
    for axes, name, measured in zip(
        every, ("validation", "test"), (confidence.validation, confidence.test), strict=True
    ):
        axes.plot([0, 1], [0, 1], color=GRID, linewidth=1.5)
        _reliability(
            axes,
            measured.as_trained,
            color=OTHER,
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
        entitle(axes, f"{architecture}, {name}")
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
    figure, every = new_figure(2, width=10.0, height=4.2)
    refused = 1 - np.array(COVERAGES)
    for axes, name in zip(every, ("validation", "test"), strict=True):
        for architecture, confidence in curves.items():
            coverage = getattr(confidence, name).coverage
            colour = COLOURS.get(architecture, OTHER)
            axes.plot(
                refused,
                coverage.risks,
                color=colour,
                marker="o",
                markersize=3,
                linewidth=2,
                label=architecture,
            )
        entitle(axes, f"risk and coverage, {name}")
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
