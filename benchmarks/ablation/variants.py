"""The variants of a recipe: one ingredient changed at a time."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from trainer.recipes import Recipe

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


def chosen(variants: Sequence[str], recipe: Recipe) -> list[str]:
    """The recipe itself first, then those of the variants that are other trainings than it."""
    others = [
        variant
        for variant in variants
        if variant not in VARIANTS or VARIANTS[variant](recipe) != recipe
    ]
    return list(dict.fromkeys([EVERYTHING, *others]))
