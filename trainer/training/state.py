"""The state of a training: what its steps change, and so what a checkpoint saves."""

from dataclasses import dataclass, field

import keras
import tensorflow as tf

from trainer.recipes import Recipe
from trainer.training import checkpoint, distribution
from trainer.training.checkpoint import Progress


@dataclass(eq=False)
class TrainState:
    """Everything that training changes.

    Attributes:
        model: the network that is trained.
        ema: a copy with the moving average of its weights, which is measured and exported; `model`
            itself where the recipe averages nothing.
        optimizer: with its moments and step count.
        progress: the finished epochs, and the sums over the steps of the current one.
    """

    model: keras.Model
    ema: keras.Model
    optimizer: keras.Optimizer
    progress: Progress = field(default_factory=Progress)

    @property
    def has_ema(self) -> bool:
        """Whether the recipe averages the weights."""
        return self.ema is not self.model

    def variables(self) -> checkpoint.Variables:
        """Weights, batch-norm statistics and dropout seeds; moments and step count; the average."""
        parts = {"network": self.model.variables, "optimizer": self.optimizer.variables}
        return {**parts, "average": self.ema.variables} if self.has_ema else parts


def create_state(model: keras.Model, recipe: Recipe, images: int) -> TrainState:
    """The state before the first step of a training on `images` images."""
    distribution.share_statistics(model, tf.distribute.get_strategy())
    optimizer = _optimizer(recipe, -(-images // recipe.batch_size) * recipe.epochs)
    optimizer.build(model.trainable_variables)
    return TrainState(model, _copy(model) if recipe.averaging else model, optimizer)


def _optimizer(recipe: Recipe, steps: int) -> keras.Optimizer:
    """Adam with the recipe's learning-rate schedule over a training of `steps` steps."""
    if recipe.decay == "none":
        return keras.optimizers.Adam(recipe.learning_rate)
    warmup = round(recipe.warmup * steps)
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            0.0, steps - warmup, warmup_target=recipe.learning_rate, warmup_steps=warmup
        )
    )


def _copy(model: keras.Model) -> keras.Model:
    """The same network with variables of its own."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy
