"""Write the reports of a run: the page, TensorBoard's logs, the project's record."""

from collections.abc import Mapping

from trainer.context import Context
from trainer.evaluation.result import Run
from trainer.freehand.drawings import Drawings
from trainer.reports import report, results, tensorboard


def write_reports(context: Context, run: Run, drawn: Mapping[str, Drawings]) -> None:
    """Write the reports into the run's folder, and the record where the settings name one.

    Raises:
        OutputError: a folder cannot be written.
    """
    folder, data = context.settings.folder(), context.data
    seen = {name: drawings.seen for name, drawings in drawn.items()}
    print("plotting curves, confusion matrices and mistakes, and writing the report")
    report.write(run, folder, {"validation": data.x_train, "test": data.x_test, **seen})
    for network in run.networks:
        tensorboard.show(network, folder)
    if context.settings.record:
        results.record(run, folder, context.settings.record)
