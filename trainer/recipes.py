"""The training recipes: what is done to a network, apart from its architecture. Add one here and it is a choice."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Initialisation = Literal["reachable", "keras"]
"""Scale of the first weights: "keras" is Keras' default, Glorot uniform; "reachable" counts only the kernel taps that meet the map."""


class Recipe(BaseModel):
    """How long, in what portions and how fast a network learns. The loss is categorical cross-entropy, the optimizer Adam."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(ge=1, le=10_000, description="times every training image is seen")
    batch_size: int = Field(default=128, ge=1, le=65_536, description="images a step")
    initialisation: Initialisation = Field(
        default="reachable", description="scale of the first weights: reachable counts the taps that meet the map, keras is Keras' default"
    )
    learning_rate: float = Field(default=1e-3, gt=0, le=1, description="Adam's step size; 0.001 is Keras' default")


RECIPES: Final = {
    # The published training: 12 epochs, batch 128, Adam, categorical cross-entropy. Only the first weights are ours.
    "notebook": Recipe(epochs=12),
    # The same with Keras' first weights; kept to show what becomes of conv5 then.
    "notebook-keras-weights": Recipe(epochs=12, initialisation="keras"),
    "quick": Recipe(epochs=2),
}
