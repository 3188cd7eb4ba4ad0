"""The training recipes: every hyperparameter apart from the architecture. One that is added here is
a choice of `--recipe`."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Initialisation = Literal["reachable", "keras"]
"""Scale of the initial weights: "keras" is Keras' default, Glorot uniform; "reachable" counts only
the kernel taps that reach the map."""


class Augmentation(BaseModel):
    """Bounds of the augmentation: each parameter is drawn uniformly from minus to plus its bound,
    anew for each image and epoch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotation: float = Field(default=0, ge=0, le=180, description="largest rotation, degrees")
    scale: float = Field(
        default=0,
        ge=0,
        lt=1,
        description="largest change of width and of height, each on its own, as a share",
    )
    shear: float = Field(default=0, ge=0, le=45, description="largest shear, degrees")
    shift: float = Field(
        default=0, ge=0, le=14, description="largest shift along each axis, pixels"
    )
    stroke: float = Field(
        default=0,
        ge=0,
        le=1,
        description="largest share of the way to strokes a pixel thicker or thinner on each side",
    )
    elastic: float = Field(
        default=0,
        ge=0,
        le=5,
        description="standard deviation of the nodes' displacements in a smooth distortion, pixels",
    )


class Recipe(BaseModel):
    """Hyperparameters of a training. The loss is categorical cross-entropy, the optimizer Adam."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: str = Field(default="", exclude=True, description="for the help text")
    epochs: int = Field(ge=1, le=10_000, description="passes over the training images")
    batch_size: int = Field(default=128, ge=1, le=65_536, description="images a training step")
    initialisation: Initialisation = Field(
        default="reachable",
        description="scale of the initial weights: reachable counts the taps that reach the map, "
        "keras is Keras' default",
    )
    learning_rate: float = Field(
        default=1e-3, gt=0, le=1, description="peak learning rate of Adam; 0.001 is Keras' default"
    )
    warmup: float = Field(
        default=0,
        ge=0,
        lt=1,
        description="share of the steps in which the learning rate rises from 0 to its peak",
    )
    decay: Literal["none", "cosine"] = Field(
        default="none",
        description="learning rate after the warm-up: none: constant, cosine: cosine decay to 0",
    )
    averaging: float = Field(
        default=0,
        ge=0,
        lt=1,
        description="decay of the exponential moving average (EMA) of the weights, which is "
        "exported; 0: no average",
    )
    dropout: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="dropout rate of every dropout layer; none: the architecture's",
    )
    augmentation: Augmentation | None = Field(
        default=None, description="bounds of the augmentation; none: no augmentation"
    )
    teachers: str | None = Field(
        default=None,
        description="recipe of the networks whose averaged predictions are the targets, and which "
        "give the initial weights; none: the labels are the targets",
    )
    distillation: float = Field(
        default=1,
        ge=0,
        le=1,
        description="share of the teachers' probabilities in the targets of the data set's own "
        "images; the rest are the labels, as they are of all added images",
    )
    forms: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="number of drawings of synthetic handwriting that are added to the training "
        "images, where the labels are the ten digits",
    )


_BEST: Final = Recipe(
    summary="augmented images in small batches, no dropout, EMA weights",
    epochs=20,
    batch_size=64,
    learning_rate=2e-3,
    warmup=0.1,
    decay="cosine",
    averaging=0.998,
    dropout=0,
    augmentation=Augmentation(rotation=15, scale=0.12, shear=8, shift=2.5, stroke=0.4, elastic=0.7),
)

FINE_TUNE: Final = "fine-tune"
"""Starts from the served version, with corrected drawings among the training images."""

RECIPES: Final = {
    "notebook": Recipe(summary="the published training: 12 epochs, batch size 128", epochs=12),
    "notebook-keras-weights": Recipe(
        summary="the same with Keras' default initial weights, with which conv5 learns nothing",
        epochs=12,
        initialisation="keras",
    ),
    "quick": Recipe(summary="a first look in minutes", epochs=2),
    "fast": Recipe(
        summary="the notebook's accuracy in a tenth of its time",
        epochs=2,
        learning_rate=3e-3,
        warmup=0.2,
        decay="cosine",
        averaging=0.98,
        dropout=0,
    ),
    "best": _BEST,
    "augmented": _BEST.model_copy(
        update={
            "summary": "augmented images in larger batches, with the architecture's dropout",
            "epochs": 12,
            "batch_size": 128,
            "dropout": None,
        }
    ),
    "distilled": _BEST.model_copy(
        update={
            "summary": "starts from best networks and distils their averaged predictions",
            "epochs": 12,
            "teachers": "best",
        }
    ),
    "teacher": _BEST.model_copy(
        update={
            "summary": "for allconv, whose predictions are targets: longer average, dropout, "
            "synthetic handwriting",
            "epochs": 14,
            "averaging": 0.999,
            "dropout": None,
            "forms": 20_000,
        }
    ),
    # The served version is its own teacher, so that what it knows is not lost. A falling learning
    # rate lost some of MNIST again; the average over more steps does not (docs/experiments.md).
    FINE_TUNE: _BEST.model_copy(
        update={
            "summary": "starts from the served version, with synthetic handwriting and corrected "
            "drawings among the images",
            "epochs": 5,
            "learning_rate": 1.5e-3,
            "warmup": 0,
            "decay": "none",
            "averaging": 0.9995,
            "distillation": 0.9,
            "forms": 10_000,
        }
    ),
}
"""By name. Settings, help text and sweeps take every recipe from here."""
