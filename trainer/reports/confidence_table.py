"""The README's second table: how far the recorded networks' probabilities can be believed."""

from collections.abc import Sequence
from statistics import mean
from typing import Final

from trainer.evaluation.calibration import BINS
from trainer.reports import markdown
from trainer.reports.results import TrainingResult

_HEADER: Final = (
    *(
        "network",
        "recipe",
        "temperature",
        "NLL",
        "calibrated",
        "Brier",
        "calibrated",
        "ECE",
        "calibrated",
    ),
    *("AURC × 10⁴", "wrong, surest 99 %", "test, undisputed", "errors disputed"),
)
_NOTE: Final = (
    "All on the test set, means over seeds. The exported model answers the calibrated "
    "probabilities: one temperature, fitted on the "
    "validation set; the digits stay the same. NLL is the mean negative log-likelihood in nats, "
    "Brier the mean sum of squared differences "
    f"from the truth, ECE the gap between confidence and accuracy over {BINS} bins of equal "
    "width; above an accuracy of 0.997 it is mostly "
    "chance. AURC is the area under the risk-coverage curve; *surest 99 %* is the share read "
    "wrong when the least sure 1 % are refused. "
    "15 test labels are [disputed](https://github.com/cleanlab/label-errors) by a majority of the "
    "people asked: the accuracy without "
    "them, and how many of the errors they are."
)


def compose(groups: Sequence[Sequence[TrainingResult]]) -> str:
    """The table with its note; empty where none of the records has these figures.

    Args:
        groups: the results of every row, which differ in their seed alone.
    """
    rows = [
        _row(measured)
        for group in groups
        if (measured := [result for result in group if result.confidence])
    ]
    return f"{markdown.table(_HEADER, rows, words=(0, 1))}\n\n{_NOTE}" if rows else ""


def _row(group: Sequence[TrainingResult]) -> list[str]:
    known = [result.confidence for result in group if result.confidence]
    disputed = [one.test_disputed for one in known if one.test_disputed]
    return [
        f"`{group[0].architecture}`",
        f"`{group[0].recipe}`",
        f"{mean(one.temperature for one in known):.2f}",
        f"{mean(one.test_nll for one in known):.4f}",
        f"{mean(one.test_nll_calibrated for one in known):.4f}",
        f"{mean(one.test_brier for one in known):.5f}",
        f"{mean(one.test_brier_calibrated for one in known):.5f}",
        f"{mean(one.test_ece for one in known):.2%}",
        f"{mean(one.test_ece_calibrated for one in known):.2%}",
        f"{1e4 * mean(one.test_aurc for one in known):.2f}",
        f"{mean(one.test_risk_at_99 for one in known):.2%}",
        f"{mean(one.accuracy_without for one in disputed):.4f}" if disputed else "–",
        f"{mean(one.errors for one in disputed):.3g}" if disputed else "–",
    ]
