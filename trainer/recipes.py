"""The training recipes: what is done to a network, apart from its architecture. Add one here and it
is a choice."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Initialisation = Literal["reachable", "keras"]
"""Scale of the first weights: "keras" is Keras' default, Glorot uniform; "reachable" counts only
the kernel taps that meet the map."""


class Augmentation(BaseModel):
    """How far images are bent: each amount is drawn evenly from minus to plus its bound, for each
    image and epoch anew."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotation: float = Field(default=0, ge=0, le=180, description="largest turn, degrees")
    scale: float = Field(
        default=0,
        ge=0,
        lt=1,
        description="largest change of width and of height, each on its own, as a share",
    )
    shear: float = Field(default=0, ge=0, le=45, description="largest slant, degrees")
    shift: float = Field(default=0, ge=0, le=14, description="largest move along each axis, pixels")
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
        description="standard deviation of the nodes' moves in a smooth distortion, pixels",
    )


class Recipe(BaseModel):
    """How long, in what portions, how fast and from what a network learns. The loss is categorical
    cross-entropy, the optimizer Adam."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(ge=1, le=10_000, description="times every training image is seen")
    batch_size: int = Field(default=128, ge=1, le=65_536, description="images a step")
    initialisation: Initialisation = Field(
        default="reachable",
        description="scale of the first weights: reachable counts the taps that meet the map, "
        "keras is Keras' default",
    )
    learning_rate: float = Field(
        default=1e-3, gt=0, le=1, description="Adam's largest step size; 0.001 is Keras' default"
    )
    warmup: float = Field(
        default=0,
        ge=0,
        lt=1,
        description="share of the training in which the step size rises from 0 to its largest",
    )
    decay: Literal["none", "cosine"] = Field(
        default="none",
        description="after the warm-up: none keeps the step size, cosine takes it to 0",
    )
    averaging: float = Field(
        default=0,
        ge=0,
        lt=1,
        description="weights kept are a moving average: the share of the old average that a step "
        "keeps; 0: none",
    )
    dropout: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="share of what each dropout layer drops while training; none: as the "
        "architecture has it",
    )
    augmentation: Augmentation | None = Field(
        default=None, description="how images are bent while training; none: not at all"
    )
    teachers: str | None = Field(
        default=None,
        description="recipe of the networks that give the targets, and the first weights; none: "
        "the labels are the targets",
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
        description="drawings of synthetic handwriting that are added to the training images, "
        "where the labels are the ten digits",
    )


_AUGMENTATION: Final = Augmentation(
    rotation=15, scale=0.12, shear=8, shift=2.5, stroke=0.4, elastic=0.7
)

# Every image bent anew in every epoch, no dropout: bent images are variety enough. Small batches,
# which find weights that read more.
_BEST: Final = Recipe(
    epochs=20,
    batch_size=64,
    learning_rate=2e-3,
    warmup=0.1,
    decay="cosine",
    averaging=0.998,
    dropout=0,
    augmentation=_AUGMENTATION,
)

FINE_TUNE: Final = "fine-tune"
"""Goes on from the served version, with corrected drawings among the images."""

RECIPES: Final = {
    # The published training: 12 epochs, batch 128, Adam, categorical cross-entropy. Only the first
    # weights are ours.
    "notebook": Recipe(epochs=12),
    # The same with Keras' first weights; kept to show what becomes of conv5 then.
    "notebook-keras-weights": Recipe(epochs=12, initialisation="keras"),
    "quick": Recipe(epochs=2),
    # More than the notebook's accuracy in less than a tenth of its time: one rise and fall of a
    # larger step. `make bench NAME=training_speed`
    "fast": Recipe(
        epochs=2, learning_rate=3e-3, warmup=0.2, decay="cosine", averaging=0.98, dropout=0
    ),
    "best": _BEST,
    # Bent images too, with the architecture's dropout, in larger batches, for fewer epochs.
    "augmented": Recipe(
        epochs=12,
        learning_rate=2e-3,
        warmup=0.1,
        decay="cosine",
        averaging=0.998,
        augmentation=_AUGMENTATION,
    ),
    # Networks of `best` go on as they were trained, but learn what all of them together say.
    "distilled": _BEST.model_copy(update={"epochs": 12, "teachers": "best"}),
    # The served version goes on with synthetic handwriting among the images; it is its own teacher,
    # so that what it knows is not lost.
    FINE_TUNE: _BEST.model_copy(
        update={
            "epochs": 4,
            "learning_rate": 1.5e-3,
            "warmup": 0.05,
            "distillation": 0.7,
            "forms": 10_000,
        }
    ),
}
