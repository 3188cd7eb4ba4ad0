"""What each ingredient of the recipes gives: `python -m benchmarks.ablation`.

Short trainings of conv3 that change one ingredient at a time, on a part of MNIST's training images;
what is left of them measures, so that the differences are not lost in the noise of 5,000 validation
images. The test set is not touched. Writes results/ablation.json, result by result: stopped, the
same command goes on.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from math import sqrt
from pathlib import Path
from statistics import mean
from typing import Any, Final

import keras
import numpy as np
from pydantic import Field, TypeAdapter

from benchmarks.options import add_data, options
from digits.files import write_synced
from trainer.data.augmentation import draw_parameters
from trainer.data.dataset import MNIST, load
from trainer.data.split import Split, split
from trainer.evaluation.metrics import evaluate
from trainer.networks.architecture import build
from trainer.networks.inference import predict
from trainer.provenance import Provenance, describe_command
from trainer.recipes import RECIPES, Recipe
from trainer.reports.markdown import table
from trainer.training.device import Arithmetic, choose_device, choose_precision
from trainer.training.distillation import teacher_targets
from trainer.training.fit import fit
from trainer.training.step import EpochData

ABLATION_FILE: Final = "ablation.json"
Change = Callable[[Recipe], Recipe]


def _with(**changes: Any) -> Change:
    return lambda recipe: recipe.model_copy(update=changes)


def _augmented(**changes: float) -> Change:
    def change(recipe: Recipe) -> Recipe:
        assert recipe.augmentation is not None
        return recipe.model_copy(
            update={"augmentation": recipe.augmentation.model_copy(update=changes)}
        )

    return change


EVERYTHING: Final = "everything"
VARIANTS: Final[dict[str, Change]] = {
    EVERYTHING: _with(),
    "without augmentation": _with(augmentation=None),
    "without rotation, scale, shear": _augmented(rotation=0, scale=0, shear=0),
    "without shift": _augmented(shift=0),
    "without stroke width": _augmented(stroke=0),
    "without elastic distortion": _augmented(elastic=0),
    "wider augmentation": _augmented(
        rotation=20, scale=0.2, shear=12, shift=3, stroke=0.6, elastic=1
    ),
    "without dropout": _with(dropout=0),
    "with dropout": _with(dropout=None),
    "in batches of 64": _with(batch_size=64),
    "in batches of 128": _with(batch_size=128),
    "without averaged weights": _with(averaging=0),
    "without decay": _with(decay="none"),
    "without warm-up": _with(warmup=0),
}
"""What is changed in the recipe."""
IN_FLOAT32: Final = "everything, in float32"
"""The same in full precision: what `--precision auto` costs where it takes bfloat16."""
LONGER: Final = {
    "everything, then longer with labels": False,
    "everything, then longer with teachers": True,
}
"""What the recipe `distilled` adds, and what the same epochs give without its teachers."""
ALL: Final = (*VARIANTS, IN_FLOAT32, *LONGER)


class Ablation(Provenance):
    """One short training."""

    recipe: str = Field(default="augmented", description="what the variant changes")
    variant: str
    seed: int
    train_size: int = Field(description="images that trained")
    measured_on: int = Field(description="training images that did not train, and measured")
    epochs: int
    precision: str
    loss: float = Field(description="mean categorical cross-entropy, nats")
    error: float = Field(ge=0, le=1, description="share of images read wrong")

    @property
    def comparable(self) -> tuple[str, int, int, int]:
        """Results that agree in this stand in one table."""
        return self.recipe, self.epochs, self.train_size, self.measured_on


_LAYOUT: Final = TypeAdapter(list[Ablation])


def main(argv: Sequence[str]) -> int:
    """Train what is missing, write each result, print the table."""
    arguments = _parser().parse_args(argv)
    gpus = choose_device("auto", 1, deterministic=False)
    data = load(Path(arguments.data) if arguments.data else None, MNIST, None, None)
    parts = _part(split(data, len(data.y_train) - arguments.train_size, 1), arguments.measured_on)
    recipe = RECIPES[arguments.recipe].model_copy(update={"epochs": arguments.epochs})
    path = arguments.results / ABLATION_FILE
    for seed in range(1, arguments.seeds + 1):
        models: dict[str, keras.Model] = {}
        for variant in chosen(arguments.variants, recipe):
            origin = _origin(arguments, variant, seed)
            if origin in (done.model_dump(include=set(origin)) for done in read(path)):
                continue
            loss, error = _measure(variant, seed, recipe, parts, models)
            result = Ablation(
                **origin,
                loss=loss,
                error=error,
                **Provenance.now(describe_command("benchmarks.ablation", argv), gpus).model_dump(),
            )
            write_synced(path, _LAYOUT.dump_json([*read(path), result], indent=2) + b"\n")
    print(*(compose(group) for group in tables(read(path))), sep="\n\n")
    return 0


def _origin(arguments: argparse.Namespace, variant: str, seed: int) -> dict[str, Any]:
    """What tells one training from another: fields of its result."""
    return {
        "recipe": arguments.recipe,
        "variant": variant,
        "seed": seed,
        "train_size": arguments.train_size,
        "measured_on": arguments.measured_on,
        "epochs": arguments.epochs,
        "precision": _precision(variant),
    }


def _parser() -> argparse.ArgumentParser:
    parser = options("benchmarks.ablation", __doc__)
    add_data(parser)
    parser.add_argument(
        "--recipe",
        choices=["augmented", "best"],
        default="augmented",
        help="what is changed (default: %(default)s)",
    )
    parser.add_argument(
        "--variants",
        nargs="+",
        choices=ALL,
        default=ALL,
        metavar="NAME",
        help=f"some of: {', '.join(ALL)} (default: all)",
    )
    parser.add_argument(
        "--seeds", type=int, default=2, help="trainings of each variant (default: %(default)s)"
    )
    parser.add_argument(
        "--epochs", type=int, default=6, help="of each training (default: %(default)s)"
    )
    parser.add_argument(
        "--train_size", type=int, default=10_000, help="images that train (default: %(default)s)"
    )
    parser.add_argument(
        "--measured_on", type=int, default=20_000, help="images that measure (default: %(default)s)"
    )
    return parser


def tables(results: Sequence[Ablation]) -> list[list[Ablation]]:
    """The results, those together that can be compared."""
    groups: dict[tuple[str, int, int, int], list[Ablation]] = {}
    for result in results:
        groups.setdefault(result.comparable, []).append(result)
    return list(groups.values())


def compose(results: Sequence[Ablation]) -> str:
    """The table of comparable results: a row a variant, with mean error and loss, and the distance
    from everything with the same seeds."""
    whole = {result.seed: result.error for result in results if result.variant == EVERYTHING}
    rows, first = [], results[0]
    for variant in dict.fromkeys(result.variant for result in results):
        alike = [result for result in results if result.variant == variant]
        apart = mean(result.error - whole[result.seed] for result in alike)
        loss = mean(result.loss for result in alike)
        rows.append(
            [
                variant,
                str(len(alike)),
                f"{mean(result.error for result in alike):.2%}",
                f"{apart:+.2%}",
                f"{loss:.4f}",
            ]
        )
    standard_error = sqrt(mean(whole.values()) * (1 - mean(whole.values())) / first.measured_on)
    return (
        f"{table(['recipe', 'seeds', 'error', 'against everything', 'loss'], rows)}\n\n"
        f"conv3 by the recipe {first.recipe}, {first.train_size:,} images, {first.epochs} epochs; "
        "measured on "
        f"{first.measured_on:,} others; the standard error of one error is {standard_error:.2%}."
    )


def chosen(variants: Sequence[str], recipe: Recipe) -> list[str]:
    """The recipe itself first, then those of the variants that are other trainings than it."""
    others = [
        variant
        for variant in variants
        if variant not in VARIANTS or VARIANTS[variant](recipe) != recipe
    ]
    return list(dict.fromkeys([EVERYTHING, *others]))


def _precision(variant: str) -> Arithmetic:
    return "float32" if variant == IN_FLOAT32 else choose_precision("auto")


def _measure(
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
            VARIANTS.get(variant, _with())(recipe), seed, parts, precision=_precision(variant)
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
    few = Split(
        parts.x_train, parts.y_train, parts.x_validation[:1000], parts.y_validation[:1000]
    )  # what is printed on the way

    def epoch_data(epoch: int) -> EpochData:
        return EpochData(
            draw_parameters(recipe.augmentation, len(parts.y_train), seed, first_epoch + epoch),
            targets(epoch),
        )

    with tempfile.TemporaryDirectory() as folder:
        fit(model, few, recipe, seed, Path(folder), epoch_data=epoch_data)


def _part(whole: Split, measured_on: int) -> Split:
    return Split(
        whole.x_train,
        whole.y_train,
        whole.x_validation[:measured_on],
        whole.y_validation[:measured_on],
    )


def read(path: Path) -> list[Ablation]:
    """What was measured before; nothing if there is no such file."""
    return _LAYOUT.validate_json(path.read_bytes()) if path.exists() else []


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
