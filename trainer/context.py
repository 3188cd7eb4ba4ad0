"""The context of a run: what is decided before its first step and stays the same."""

from dataclasses import dataclass

import tensorflow as tf

from trainer.data.dataset import DataSet
from trainer.data.split import Split
from trainer.settings import TrainerSettings


@dataclass(frozen=True, eq=False)
class Context:
    """What every stage of the pipeline works with.

    Attributes:
        settings: every choice of the run, with "auto" decided.
        command: what was typed to start it.
        gpus: name of each GPU used; none on the processor.
        strategy: the workers and devices that share each batch.
        data: the whole data set.
        split: its training and validation images, and the images that a fine-tuning adds.
    """

    settings: TrainerSettings
    command: str
    gpus: tuple[str, ...]
    strategy: tf.distribute.Strategy
    data: DataSet
    split: Split
