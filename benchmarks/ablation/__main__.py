"""What each ingredient of the recipes gives: `python -m benchmarks.ablation`.

Short trainings of conv3 that change one ingredient at a time, on a part of MNIST's training images;
what is left of them measures, so that the differences are not lost in the noise of 5,000 validation
images. The test set is not touched. Writes results/ablation.json, result by result: stopped, the
same command goes on.
"""

import sys
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import keras
from pydantic import AfterValidator, BeforeValidator, Field

from benchmarks.ablation.record import ABLATION_FILE, Ablation, append, compose, read, tables
from benchmarks.ablation.trainings import measure, precision_of
from benchmarks.ablation.variants import ALL, chosen
from benchmarks.options import DataBenchmarkSettings, in_one_line
from digits.settings import load as load_settings
from trainer.data.dataset import MNIST, load
from trainer.data.split import Split, split
from trainer.provenance import Provenance, describe_command
from trainer.recipes import RECIPES
from trainer.settings import data_or_default
from trainer.training.device import choose_device


def _split_at_semicolons(value: object) -> object:
    return tuple(part.strip() for part in value.split(";")) if isinstance(value, str) else value


def _known_variants(names: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := set(names) - set(ALL):
        raise ValueError(f"some of: {'; '.join(ALL)}; not {'; '.join(sorted(unknown))}")
    return names


class AblationSettings(DataBenchmarkSettings):
    """What each ingredient of the recipes gives."""

    program: ClassVar[str] = "python -m benchmarks.ablation"

    recipe: Literal["augmented", "best"] = Field(default="augmented", description="what is changed")
    variants: Annotated[
        tuple[str, ...], AfterValidator(_known_variants), BeforeValidator(_split_at_semicolons)
    ] = Field(default=ALL, description=f"what to train, separated by semicolons: {'; '.join(ALL)}")
    seeds: int = Field(default=2, ge=1, description="trainings of each variant")
    epochs: int = Field(default=6, ge=1, description="of each training")
    train_size: int = Field(default=10_000, ge=1, description="images that train")
    measured_on: int = Field(default=20_000, ge=1, description="images that measure")


@in_one_line(AblationSettings.program)
def main(argv: Sequence[str]) -> int:
    """Train what is missing, write each result, print the table."""
    settings = load_settings(AblationSettings, argv)
    gpus = choose_device("auto", 1, deterministic=False)
    data = load(data_or_default(settings.data), MNIST, None, None)
    parts = _part(split(data, len(data.y_train) - settings.train_size, 1), settings.measured_on)
    recipe = RECIPES[settings.recipe].model_copy(update={"epochs": settings.epochs})
    path = settings.results / ABLATION_FILE
    for seed in range(1, settings.seeds + 1):
        models: dict[str, keras.Model] = {}
        for variant in chosen(settings.variants, recipe):
            origin = _origin(settings, variant, seed)
            if origin in (done.model_dump(include=set(origin)) for done in read(path)):
                continue
            loss, error = measure(variant, seed, recipe, parts, models)
            result = Ablation(
                **origin,
                loss=loss,
                error=error,
                **Provenance.now(describe_command("benchmarks.ablation", argv), gpus).model_dump(),
            )
            append(result, path)
    print(*(compose(group) for group in tables(read(path))), sep="\n\n")
    return 0


def _origin(settings: AblationSettings, variant: str, seed: int) -> dict[str, Any]:
    """What tells one training from another: fields of its result."""
    return {
        "recipe": settings.recipe,
        "variant": variant,
        "seed": seed,
        "train_size": settings.train_size,
        "measured_on": settings.measured_on,
        "epochs": settings.epochs,
        "precision": precision_of(variant),
    }


def _part(whole: Split, measured_on: int) -> Split:
    return Split(
        whole.x_train,
        whole.y_train,
        whole.x_validation[:measured_on],
        whole.y_validation[:measured_on],
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
