"""Evaluate the networks of a run on the validation set, the test set and drawings."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from digits.contract import LABELS
from trainer.context import Context
from trainer.data.split import choose
from trainer.evaluation.assess import Answers, assess
from trainer.evaluation.freehand_score import FreehandScore, score
from trainer.evaluation.label_errors import disputed_in
from trainer.evaluation.metrics import correct, evaluate
from trainer.evaluation.result import NetworkResult, Run
from trainer.evaluation.selection import Candidate, Choice
from trainer.evaluation.temperature import calibrate
from trainer.freehand.drawings import Drawings, draw
from trainer.networks.inference import predict
from trainer.networks.trained import TrainedNetwork
from trainer.provenance import Provenance

_NOT_RECORDED = {"config", "data", "run_dir", "models", "record", "teachers", "corrections"}
"""Settings that say where files lie on this machine."""


def candidate(network: TrainedNetwork, labels: npt.NDArray[np.integer]) -> Candidate:
    """A trained network as a candidate.

    Args:
        network: with its probabilities for the validation images.
        labels: integer [n], the true class of each validation image.
    """
    return Candidate(
        network.name, network.model.count_params(), correct(network.validation, labels)
    )


def draw_validation(context: Context) -> Drawings | None:
    """Draw the validation digits as people would; None where the labels are not digits or nothing
    could be traced."""
    if context.data.labels != LABELS:
        return None
    drawings = draw(context.split.x_validation, context.split.y_validation)
    return drawings if len(drawings.labels) else None


def evaluate_network(
    network: TrainedNetwork, context: Context, drawings: Drawings | None
) -> NetworkResult:
    """Measure everything that is reported of a network; the only reader of the test set."""
    settings, data = context.settings, context.data
    _, decided = choose(data.y_train, settings.validation_size, settings.data_seed)
    validation = Answers(network.validation, context.split.y_validation, decided)
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


def describe_run(context: Context, networks: Sequence[NetworkResult], choice: Choice) -> Run:
    """The result of the run, with all that is needed to run it again."""
    settings = context.settings
    return Run(
        recipe=settings.recipe,
        seed=settings.seed,
        precision=settings.precision,
        data=context.data.name,
        digests=context.data.digests,
        labels=context.data.labels,
        train_size=len(context.split.y_train),
        settings=settings.model_dump(mode="json", exclude=_NOT_RECORDED)
        | {
            "teachers": [run.name for run in settings.teachers],
            "effective_recipe": settings.chosen_recipe().model_dump(),
        },
        networks=tuple(networks),
        choice=choice,
        **Provenance.now(context.command, context.gpus).model_dump(),
    )


def _score_drawings(
    network: TrainedNetwork, drawings: Drawings, temperature: float
) -> FreehandScore:
    return score(
        calibrate(predict(network.model, drawings.seen), temperature).numpy(),
        drawings.labels,
        drawings.looks,
    )
