"""The last lines of a run on the console: the test scores of every network, and where the report
lies."""

from pathlib import Path

from trainer.evaluation.result import Run
from trainer.reports.report import REPORT_FILE


def summarise(run: Run, folder: Path) -> str:
    """Test loss and test accuracy of each network, a line each, and the path of the report.

    Args:
        run: what was measured.
        folder: folder of the run.
    """
    scores = [
        f"{network.architecture}: test loss {network.test.loss:.4f}, "
        f"test accuracy {network.test.accuracy:.4f}"
        for network in run.networks
    ]
    return "\n".join([*scores, f"report: {folder / REPORT_FILE}"])
