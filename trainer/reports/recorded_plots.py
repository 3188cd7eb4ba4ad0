"""Draw the plots in `results/plots` again from the recorded values: `make results`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trainer.data.dataset import MNIST
from trainer.evaluation.confidence import Confidence
from trainer.reports import confidence_plots, plots
from trainer.reports.results import CONFIDENCE_FILE, PLOTS, TrainingResult

_RECIPES: Final = ("notebook", "best")
"""Recipes whose validation errors are compared, a panel each."""
ERRORS_FILE: Final = "validation-error.png"


def redraw(results: Path, recorded: Sequence[TrainingResult]) -> None:
    """Write every plot that the recorded values suffice for.

    Args:
        results: folder of the records.
        recorded: all of its training results.
    """
    for record in sorted((results / PLOTS).glob(f"*/{CONFIDENCE_FILE}")):
        known = {
            name: Confidence.model_validate(value)
            for name, value in json.loads(record.read_text(encoding="utf-8")).items()
        }
        confidence_plots.risk_coverage_plot(known, record.with_name("risk-coverage.png"))
        for name, confidence in known.items():
            confidence_plots.reliability_plot(
                confidence, name, record.with_name(f"reliability-{name}.png")
            )
    if errors := {recipe: found for recipe in _RECIPES if (found := _errors(recorded, recipe))}:
        plots.error_plot(errors, results / PLOTS / ERRORS_FILE)


def _errors(recorded: Sequence[TrainingResult], recipe: str) -> dict[str, list[float]]:
    """Validation errors over the epochs by architecture, of the first seed on MNIST."""
    return {
        result.architecture: [1 - accuracy for accuracy in result.validation_accuracy_by_epoch]
        for result in sorted(recorded, key=lambda result: -result.seed)
        if (result.recipe, result.data) == (recipe, MNIST) and result.validation_accuracy_by_epoch
    }
