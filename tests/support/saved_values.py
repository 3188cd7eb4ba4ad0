"""What the tests of checkpoints save: variables without TensorFlow, and made-up progress."""

import numpy as np

from trainer.networks.history import Epoch
from trainer.training.checkpoint import Progress

IDENTITY = {"seed": 1, "data": {"x_train": "7" * 64}, "labels": ("0", "1"), "learning_rate": 0.001}


class Value:
    """A variable without TensorFlow."""

    def __init__(self, *numbers: float) -> None:
        self.value = np.array(numbers, np.float32)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def numpy(self) -> np.ndarray:
        return self.value

    def assign(self, value: np.ndarray) -> None:
        self.value = value


def values(*numbers: float) -> dict[str, list[Value]]:
    return {"network": [Value(*numbers), Value(0)], "optimizer": [Value(*numbers)]}


def progress(epochs: int, steps: int = 0, loss: float = 0.1) -> Progress:
    epoch = {
        "accuracy": 0.5,
        "validation_loss": 1,
        "validation_accuracy": 0.5,
        "learning_rate": 0.001,
        "seconds": 1,
    }
    history = tuple(
        Epoch.model_validate({"epoch": number, "loss": loss, **epoch})
        for number in range(1, epochs + 1)
    )
    return Progress(
        history=history, steps=steps, loss=loss * steps, correct=steps, seconds=steps / 3
    )
