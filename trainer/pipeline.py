"""The whole job, from data to a published version, as a sequence of stages."""

from pathlib import Path

from digits.contract import LABELS
from trainer.context import Context
from trainer.data.dataset import load
from trainer.data.split import split
from trainer.evaluation.evaluate import (
    FREEHAND,
    candidate,
    describe_run,
    draw_to_evaluate,
    evaluate_network,
)
from trainer.evaluation.result import Run
from trainer.evaluation.selection import select
from trainer.export.publish_run import publish_run
from trainer.recipes import FINE_TUNE
from trainer.reports.results import read_results
from trainer.reports.summary import summarise
from trainer.reports.write import write_reports
from trainer.settings import TrainerSettings
from trainer.training.device import choose_device, choose_precision
from trainer.training.distribution import (
    choose_strategy,
    is_chief,
    report_lost_workers,
    wait_for_all,
)
from trainer.training.ensemble import offer
from trainer.training.fine_tune import begin
from trainer.training.run_folder import open_run
from trainer.training.synthetic import add_drawings, add_forms
from trainer.training.train import train


def run(settings: TrainerSettings, command: str, cache: Path | None = None) -> Run:
    """Load, split, train, select, evaluate, report and publish.

    Args:
        settings: every choice of the run.
        command: what was typed to start it, for the record.
        cache: where Keras keeps data sets, if not at its usual place.

    Returns:
        What was measured.

    Raises:
        TrainerError: with the exit code of what was refused.
    """
    gpus = choose_device(settings.device, settings.seed, deterministic=settings.deterministic)
    strategy = choose_strategy(settings.strategy, len(gpus))
    settings = settings.model_copy(update={"precision": choose_precision(settings.precision)})

    data = load(settings.data, settings.dataset, settings.labels, cache, settings.conversion())
    print(data.origin)
    settings, start = begin(settings, data) if settings.recipe == FINE_TUNE else (settings, None)
    parts = split(data, settings.validation_size, settings.data_seed)
    kept = settings.drawings_folder()
    parts = add_drawings(parts, settings.drawings, kept)
    parts = start.mix(parts) if start else parts
    if data.labels == LABELS:
        parts = add_forms(parts, settings.chosen_recipe().forms, kept)
    if settings.record:
        read_results(settings.record)  # refuses a damaged record now, not after hours
    context = Context(settings, command, tuple(gpus), strategy, data, parts)

    with report_lost_workers(strategy), open_run(context, start.name() if start else None):
        networks = offer(train(context, start.network(context) if start else None), context)
        choice = select([candidate(network, parts.y_validation) for network in networks])
        print(choice.reason)

        drawn = draw_to_evaluate(context)
        results = [evaluate_network(network, context, drawn) for network in networks]
        measured = describe_run(context, results, choice)
        measured = start.describe(measured, networks[0].model) if start else measured

        if is_chief(strategy):
            write_reports(context, measured, drawn)
            publish_run(context, networks, measured, drawn.get(FREEHAND))
            print(summarise(measured, settings.folder()))
        wait_for_all(strategy)
    return measured
