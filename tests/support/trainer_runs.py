"""Runs with made-up metrics, for the tests of what is done with a run's metrics."""

import functools

import numpy as np

from trainer.data.dataset import MNIST_DIGESTS
from trainer.evaluation.assess import Answers, assess
from trainer.evaluation.label_errors import disputed_in
from trainer.evaluation.metrics import correct, evaluate
from trainer.evaluation.result import NetworkResult, Run
from trainer.evaluation.selection import Candidate, select
from trainer.networks.history import Epoch, History

LABELS = tuple("0123456789")
IMAGES = dict.fromkeys(
    ("validation", "test"), np.random.default_rng(0).integers(0, 256, (10_000, 28, 28), np.uint8)
)
"""For the gallery of a made-up run."""


def made_up_history(epochs: int = 3) -> History:
    """A history that falls and levels off, with 100 seconds an epoch."""
    return [
        Epoch(
            epoch=number,
            loss=0.05 + 0.4 * 0.7**number,
            accuracy=1 - 0.2 * 0.7**number,
            validation_loss=0.03 + 0.06 * 0.8**number,
            validation_accuracy=1 - 0.03 * 0.8**number,
            learning_rate=1e-3,
            seconds=100.0,
        )
        for number in range(1, epochs + 1)
    ]


@functools.cache
def made_up_run(
    *, wrong: int = 92, seed: int = 1, epochs: int = 3, data: str = "mnist", test_size: int = 10_000
) -> Run:
    """A run of conv3 and conv7; conv3 reads the first `wrong` test images wrong, conv7 ten fewer;
    both miss one validation image."""
    architectures = {"conv3": (292_554, wrong), "conv7": (816_586, max(wrong - 10, 0))}
    validation, truth = np.arange(100) % 10, np.arange(test_size) % 10
    digests = (
        dict(MNIST_DIGESTS) if (data, test_size) == ("mnist", 10_000) else {"x_train": "7" * 64}
    )
    right = correct(_probabilities(validation, 1), validation)
    networks = [
        NetworkResult(
            architecture=name,
            parameters=parameters,
            history=made_up_history(epochs),
            validation=evaluate(_probabilities(validation, 1), validation),
            test=evaluate(_probabilities(truth, errors), truth),
            confidence=assess(
                _answers(validation, 1), _answers(truth, errors), disputed_in(digests)
            ),
        )
        for name, (parameters, errors) in architectures.items()
    ]
    return Run(
        recipe="notebook",
        seed=seed,
        precision="float32",
        data=data,
        digests=digests,
        labels=LABELS,
        train_size=55_000,
        settings={"epochs": epochs, "note": "a|b"},
        networks=tuple(networks),
        choice=select(
            [Candidate(name, parameters, right) for name, (parameters, _) in architectures.items()]
        ),
        machine="Some Processor, 2 cores, Linux x86_64",
        versions={"python": "3.11", "tensorflow": "2.20.0"},
        code_revision="0123abc",
        date="2026-11-22",
        command=f"python -m trainer --recipe notebook --seed {seed}",
    )


def _answers(labels: np.ndarray, wrong: int) -> Answers:
    return Answers(_probabilities(labels, wrong), labels, np.arange(len(labels)))


def _probabilities(labels: np.ndarray, wrong: int) -> np.ndarray:
    """float32 [n, 10]: sure of the truth, but of the next class for the first `wrong` images."""
    read = np.where(np.arange(len(labels)) < wrong, (labels + 1) % 10, labels)
    return (np.eye(10)[read] * 0.9 + 0.01).astype(np.float32)
