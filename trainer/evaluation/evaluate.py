"""Evaluate the networks of a run on the validation set, the test set and drawings."""

from collections.abc import Mapping, Sequence
from typing import Final

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
from trainer.freehand import forms
from trainer.freehand.drawings import Drawings, draw, draw_forms
from trainer.networks.inference import predict
from trainer.networks.trained import TrainedNetwork
from trainer.provenance import Provenance

FREEHAND: Final = "freehand"
"""Drawings of validation digits."""
FORMS: Final = "forms"
"""Synthetic handwriting of a held-out seed."""
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


def draw_to_evaluate(context: Context) -> dict[str, Drawings]:
    """Draw validation digits as people would, and as many digits of synthetic handwriting; nothing
    where the labels are not digits or nothing could be traced."""
    if context.data.labels != LABELS:
        return {}
    print("drawing digits to evaluate on")
    drawings = draw(context.split.x_validation, context.split.y_validation)
    count = len(drawings.labels)
    return {FREEHAND: drawings, FORMS: draw_forms(count, forms.HELD_OUT)} if count else {}


def evaluate_network(
    network: TrainedNetwork, context: Context, drawn: Mapping[str, Drawings]
) -> NetworkResult:
    """Measure everything that is reported of a network; the only reader of the test set."""
    settings, data = context.settings, context.data
    print(f"evaluating {network.name}: validation images, test images, drawings")
    _, decided = choose(data.y_train, settings.validation_size, settings.data_seed)
    validation = Answers(network.validation, context.split.y_validation, decided)
    test = Answers(predict(network.model, data.x_test), data.y_test, np.arange(len(data.y_test)))
    confidence = assess(validation, test, disputed_in(data.digests))
    scores = {
        name: _score_drawings(network, drawings, confidence.temperature)
        for name, drawings in drawn.items()
    }
    return NetworkResult(
        architecture=network.name,
        parameters=network.model.count_params(),
        history=network.history,
        validation=evaluate(validation.probabilities, validation.labels),
        test=evaluate(test.probabilities, test.labels),
        confidence=confidence,
        freehand=scores.get(FREEHAND),
        forms=scores.get(FORMS),
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
    return score(calibrate(predict(network.model, drawings.seen), temperature).numpy(), drawings)
