"""Write the reports of a run: the page, TensorBoard's logs, the project's record."""

from trainer.context import Context
from trainer.evaluation.result import Run
from trainer.freehand.drawings import Drawings
from trainer.reports import report, results, tensorboard


def write_reports(context: Context, run: Run, drawings: Drawings | None) -> None:
    """Write the reports into the run's folder, and the record where the settings name one.

    Raises:
        OutputError: a folder cannot be written.
    """
    folder, data = context.settings.folder(), context.data
    drawn = {"freehand": drawings.seen} if drawings else {}
    report.write(run, folder, {"validation": data.x_train, "test": data.x_test, **drawn})
    for network in run.networks:
        tensorboard.show(network, folder)
    if context.settings.record:
        results.record(run, folder, context.settings.record)
