"""The short trainings of conv3 that an ablation compares."""

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks.ablation.variants import EVERYTHING, IN_FLOAT32, LONGER, VARIANTS
from trainer.data.augmentation import draw_parameters
from trainer.data.split import Split
from trainer.evaluation.metrics import evaluate
from trainer.networks.architecture import build
from trainer.networks.inference import predict
from trainer.recipes import Recipe
from trainer.training.device import Arithmetic, choose_precision
from trainer.training.distillation import teacher_targets
from trainer.training.fit import fit
from trainer.training.step import EpochData


def precision_of(variant: str) -> Arithmetic:
    return "float32" if variant == IN_FLOAT32 else choose_precision("auto")


def measure(
    variant: str, seed: int, recipe: Recipe, parts: Split, models: dict[str, keras.Model]
) -> tuple[float, float]:
    """Train one variant; returns its loss and error. `models` keeps "everything", which the longer
    trainings go on from."""
    print(f"{variant}, seed {seed}")
    if variant in LONGER:
        first = models.get(EVERYTHING) or _trained(recipe, seed, parts)
        models[EVERYTHING] = first
        model = _longer(first, seed, recipe, parts, distil=LONGER[variant])
    else:
        model = _trained(
            VARIANTS.get(variant, VARIANTS[EVERYTHING])(recipe),
            seed,
            parts,
            precision=precision_of(variant),
        )
        models[variant] = model
    scores = evaluate(predict(model, parts.x_validation), parts.y_validation)
    return scores.loss, 1 - scores.accuracy


def _trained(
    recipe: Recipe,
    seed: int,
    parts: Split,
    *,
    name: str = "conv3",
    precision: Arithmetic | None = None,
) -> keras.Model:
    labels = keras.utils.to_categorical(parts.y_train, 10).astype(np.float32)
    model = build(
        name,
        seed=seed,
        precision=precision or choose_precision("auto"),
        initialisation=recipe.initialisation,
    )
    _fit(model, recipe, seed, parts, lambda _: labels, first_epoch=0)
    return model


def _longer(
    first: keras.Model, seed: int, recipe: Recipe, parts: Split, *, distil: bool
) -> keras.Model:
    """Half as many epochs more, with the labels, or with what this network, a conv5 and a conv7 say
    together."""
    labels = keras.utils.to_categorical(parts.y_train, 10).astype(np.float32)
    teachers = (
        [first, *(_trained(recipe, seed, parts, name=name) for name in ("conv5", "conv7"))]
        if distil
        else []
    )

    def targets(epoch: int) -> Any:
        parameters = draw_parameters(recipe.augmentation, len(labels), seed, recipe.epochs + epoch)
        return teacher_targets(teachers, parts.x_train, parameters) if distil else labels

    model = build("conv3", precision=choose_precision("auto"))
    model.set_weights(first.get_weights())
    half = recipe.model_copy(update={"epochs": recipe.epochs // 2})
    _fit(model, half, seed, parts, targets, first_epoch=recipe.epochs)
    return model


def _fit(
    model: keras.Model,
    recipe: Recipe,
    seed: int,
    parts: Split,
    targets: Any,
    *,
    first_epoch: int,
) -> None:
    # What is printed on the way.
    few = Split(parts.x_train, parts.y_train, parts.x_validation[:1000], parts.y_validation[:1000])

    def epoch_data(epoch: int) -> EpochData:
        return EpochData(
            draw_parameters(recipe.augmentation, len(parts.y_train), seed, first_epoch + epoch),
            targets(epoch),
        )

    with tempfile.TemporaryDirectory() as folder:
        fit(model, few, recipe, seed, Path(folder), epoch_data=epoch_data)
