"""The whole job, from data to a published version, as one sentence of verbs."""

import contextlib
import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from digits.contract import LABELS
from digits.promotion import Published
from trainer.data.dataset import DataSet, load
from trainer.data.split import Split, choose, split
from trainer.evaluation.assess import Answers, assess
from trainer.evaluation.freehand_score import FreehandScore, score
from trainer.evaluation.label_errors import disputed_in
from trainer.evaluation.metrics import correct, evaluate
from trainer.evaluation.result import NetworkResult, Run
from trainer.evaluation.selection import Candidate, Choice, select
from trainer.evaluation.temperature import calibrate
from trainer.export.ood import Material, prepare
from trainer.export.publish import publish
from trainer.freehand.drawings import Drawings, draw
from trainer.networks.inference import predict
from trainer.provenance import Provenance
from trainer.recipes import FINE_TUNE
from trainer.reports.report import write as write_report
from trainer.reports.results import read_results, record
from trainer.reports.tensorboard import show
from trainer.settings import OVERRIDES, TrainerSettings
from trainer.training.device import choose_device, choose_precision
from trainer.training.distribution import choose_strategy, is_chief, together, wait_for_all
from trainer.training.ensemble import ensemble
from trainer.training.fine_tune import Start, begin
from trainer.training.run_folder import alone, bind_start, open_run, seed_of
from trainer.training.train import Trained, finished, in_precision, train


def run(settings: TrainerSettings, command: str, cache: Path | None = None) -> Run:
    """Train, choose, score, report and publish.

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
    parts = start.mix(parts) if start else parts
    with together(strategy), contextlib.ExitStack() as held:
        trained = _train(settings, data, parts, strategy, start=start, held=held)
        networks = [_as_exported(network, settings, data, parts) for network in trained]
        if settings.ensemble and len(networks) > 1:
            networks.append(ensemble(networks))
        choice = select([_candidate(network, parts) for network in networks])
        print(choice.reason)

        drawings = _draw(parts, data)
        results = tuple(_score(network, parts, data, settings, drawings) for network in networks)
        measured = _describe(settings, command, gpus, data, parts, results, choice)
        if start:
            measured = _describe_start(measured, start, networks[0])
        if is_chief(strategy):
            _leave(settings, data, parts, networks, measured, drawings)
        wait_for_all(strategy)
    return measured


def _train(
    settings: TrainerSettings,
    data: DataSet,
    parts: Split,
    strategy: tf.distribute.Strategy,
    *,
    start: Start | None,
    held: contextlib.ExitStack,
) -> list[Trained]:
    """Train every network, or read those that have finished before; `held` keeps the run's folder
    to itself."""
    if settings.record:
        read_results(settings.record)  # refuses a damaged record now, not after hours
    folder = _open(settings, data, strategy, held, start)
    teachers, first = (
        functools.cache(lambda: _teachers(settings, data, parts, strategy, held)),
        start.model if start else None,
    )
    return [
        train(
            name,
            settings,
            parts,
            len(data.labels),
            folder,
            teachers=teachers,
            first=first,
            strategy=strategy,
        )
        for name in settings.architectures
    ]


def _as_exported(
    network: Trained, settings: TrainerSettings, data: DataSet, parts: Split
) -> Trained:
    """The network in the arithmetic it is published with, so that everything told of it is told of
    what answers."""
    if settings.export_precision == "float32":
        return network
    model = in_precision(network, len(data.labels), settings.export_precision)
    return replace(network, model=model, validation=predict(model, parts.x_validation))


def _leave(  # noqa: PLR0917 - all that a run has made
    settings: TrainerSettings,
    data: DataSet,
    parts: Split,
    networks: list[Trained],
    measured: Run,
    drawings: Drawings | None,
) -> None:
    """Report, record and publish what was measured."""
    folder = settings.folder()
    seen = {"freehand": drawings.seen} if drawings else {}
    write_report(measured, folder, {"validation": data.x_train, "test": data.x_test, **seen})
    for network in measured.networks:
        show(network, folder)
    if settings.record:
        record(measured, folder, settings.record)
    material = prepare(parts, drawings.seen) if drawings and settings.publish != "none" else None
    _publish(settings, networks, measured, material)


def _open(
    settings: TrainerSettings,
    data: DataSet,
    strategy: tf.distribute.Strategy,
    held: contextlib.ExitStack,
    start: Start | None = None,
) -> Path:
    """The run's folder; the chief makes it before the others look."""
    chief = is_chief(strategy)
    if chief:
        held.enter_context(alone(open_run(settings, data)))
        if start:
            bind_start(settings.folder(), start.name())
    wait_for_all(strategy)
    return settings.folder() if chief else open_run(settings, data, chief=False)


def _teachers(
    settings: TrainerSettings,
    data: DataSet,
    parts: Split,
    strategy: tf.distribute.Strategy,
    held: contextlib.ExitStack,
) -> list[Trained]:
    """The networks that teach, where the recipe has teachers: those of the named runs, or of a run
    made for it."""
    recipe = settings.chosen_recipe().teachers
    if recipe is None:
        return []
    if settings.teachers:
        return [
            teacher
            for run in settings.teachers
            for teacher in finished(run, seed_of(run, settings, data), parts)
        ]
    own = settings.model_copy(
        update={
            "recipe": recipe,
            "run_dir": settings.folder().parent / f"{recipe}-seed{settings.seed}",
            "publish": "none",
            **dict.fromkeys(OVERRIDES),
        }
    )
    folder = _open(own, data, strategy, held)
    return [
        train(name, own, parts, len(data.labels), folder, strategy=strategy)
        for name in own.architectures
    ]


def _candidate(network: Trained, parts: Split) -> Candidate:
    return Candidate(
        network.name, network.model.count_params(), correct(network.validation, parts.y_validation)
    )


def _draw(parts: Split, data: DataSet) -> Drawings | None:
    """Drawings of the validation digits, and what the networks see of them; of other classes nobody
    has traced any."""
    drawings = draw(parts.x_validation, parts.y_validation) if data.labels == LABELS else None
    return drawings if drawings and len(drawings.labels) else None


def _score(
    network: Trained,
    parts: Split,
    data: DataSet,
    settings: TrainerSettings,
    drawings: Drawings | None,
) -> NetworkResult:
    """The network's scores; the only place that reads the test set."""
    _, decided = choose(data.y_train, settings.validation_size, settings.data_seed)
    validation = Answers(network.validation, parts.y_validation, decided)
    test = Answers(predict(network.model, data.x_test), data.y_test, np.arange(len(data.y_test)))
    confidence = assess(validation, test, disputed_in(data.digests))
    return NetworkResult(
        architecture=network.name,
        parameters=network.model.count_params(),
        history=network.history,
        validation=evaluate(validation.probabilities, validation.labels),
        test=evaluate(test.probabilities, test.labels),
        confidence=confidence,
        freehand=drawings and _score_drawings(network, drawings, confidence.temperature),
    )


def _score_drawings(network: Trained, drawings: Drawings, temperature: float) -> FreehandScore:
    return score(
        calibrate(predict(network.model, drawings.seen), temperature).numpy(),
        drawings.labels,
        drawings.looks,
    )


def _describe(  # noqa: PLR0917 - the facts of a run are many
    settings: TrainerSettings,
    command: str,
    gpus: list[str],
    data: DataSet,
    parts: Split,
    networks: tuple[NetworkResult, ...],
    choice: Choice,
) -> Run:
    return Run(
        recipe=settings.recipe,
        seed=settings.seed,
        precision=settings.precision,
        data=data.name,
        digests=data.digests,
        labels=data.labels,
        train_size=len(parts.y_train),
        # Where things lie is the machine's business, not the model's.
        settings=settings.model_dump(
            mode="json",
            exclude={"config", "data", "run_dir", "models", "record", "teachers", "corrections"},
        )
        | {
            "teachers": [run.name for run in settings.teachers],
            "effective_recipe": settings.chosen_recipe().model_dump(),
        },
        networks=networks,
        choice=choice,
        **Provenance.now(command, gpus).model_dump(),
    )


def _describe_start(measured: Run, start: Start, network: Trained) -> Run:
    found = start.describe(network.model)
    if "held_out" in found:
        before, after = found["held_out_right_before"], found["held_out_right_after"]
        print(
            f"of {found['held_out']} corrections held out, {before} were read right before and "
            f"{after} are now"
        )
    return measured.model_copy(update={"settings": measured.settings | {"fine_tuned": found}})


def _publish(
    settings: TrainerSettings, networks: list[Trained], measured: Run, material: Material | None
) -> None:
    names = _names(settings, measured)
    for result, network in zip(measured.networks, networks, strict=True):
        for name in names.get(network.name, []):
            published = publish(
                network.model,
                result,
                measured,
                settings.models,
                name,
                material,
                force=settings.force,
            )
            _report(published, network.name, settings.models / name)


def _report(published: Published, network: str, base: Path) -> None:
    if not published.held:
        print(f"published {network} as {base / str(published.number)}")
        return
    print(
        f"published {network} as version {published.number} of {base}, which is held back, not "
        "served:"
    )
    for reason in published.refused:
        print(f"  {reason}")
    print(f"serve it all the same: make promote VERSION={published.number} FORCE=1")


def _names(settings: TrainerSettings, measured: Run) -> dict[str, list[str]]:
    """The names that each network is published under, by architecture."""
    if settings.publish == "none":
        return {}
    names = (
        {network.architecture: [network.architecture] for network in measured.networks}
        if settings.publish == "all"
        else {}
    )
    names.setdefault(measured.choice.winner, []).insert(0, settings.model_name)
    return names
