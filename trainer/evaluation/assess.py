"""Assess what a network knows about its own answers: fit its temperature, then hold its
probabilities against the truth."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.evaluation.calibration import measure
from trainer.evaluation.confidence import Confidence, SetConfidence
from trainer.evaluation.label_errors import score_disputed
from trainer.evaluation.metrics import correct
from trainer.evaluation.mistakes import worst_mistakes
from trainer.evaluation.risk_coverage import risk_coverage
from trainer.evaluation.temperature import calibrate, fit_temperature


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network, or several together, answered for one set of images.

    Attributes:
        probabilities: float32 [n, k], a row an image, a column a class, 0..1, as trained.
        labels: integer [n], the true class.
        images: integer [n], the position of each image in the data set's array.
    """

    probabilities: npt.NDArray[np.float32]
    labels: npt.NDArray[np.integer]
    images: npt.NDArray[np.integer]


def assess(validation: Answers, test: Answers, disputed: tuple[int, ...]) -> Confidence:
    """Fit the temperature on `validation` and measure both sets without it and with it.

    Args:
        validation: answers for the validation set.
        test: answers for the whole test set, in its order.
        disputed: positions of the test images whose label people dispute, see
            `trainer.evaluation.label_errors`.

    Raises:
        TrainerError: a probability is not a number, as after a training that diverged.
    """
    temperature = fit_temperature(validation.probabilities, validation.labels)
    return Confidence(
        temperature=temperature,
        validation=_assess(validation, temperature, ()),
        test=_assess(test, temperature, disputed),
        disputed=score_disputed(correct(test.probabilities, test.labels), disputed),
    )


def _assess(answers: Answers, temperature: float, disputed: tuple[int, ...]) -> SetConfidence:
    calibrated = calibrate(tf.constant(answers.probabilities), temperature).numpy()
    return SetConfidence(
        as_trained=measure(answers.probabilities, answers.labels),
        calibrated=measure(calibrated, answers.labels),
        coverage=risk_coverage(
            calibrated.max(axis=1), correct(answers.probabilities, answers.labels)
        ),
        mistakes=worst_mistakes(calibrated, answers.labels, answers.images, disputed),
    )
