"""The result of a run: what was measured of each network, which one was chosen, and why.

A new metric is a field of the model that computes it (`metrics.Scores`, `calibration.Calibration`,
`risk_coverage.RiskCoverage`) and a line of `NetworkResult.metrics`: records, manifests and
TensorBoard list those.
"""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from trainer.evaluation.confidence import Confidence
from trainer.evaluation.freehand_score import FreehandScore
from trainer.evaluation.metrics import Scores
from trainer.evaluation.selection import Choice
from trainer.networks.history import History
from trainer.provenance import Provenance

SetName = Literal["validation", "test"]
SETS: Final[tuple[SetName, ...]] = ("validation", "test")
"""The sets of images that a network is measured on."""
Metrics = dict[str, int | float]
"""Scalar metrics by name."""


class NetworkResult(BaseModel):
    """One network of a run, trained and evaluated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str = Field(description="name of the network")
    parameters: int = Field(ge=0, description="number of weights, trainable or not")
    history: History = Field(
        description="one entry an epoch, those of the weights it began with first; none for an "
        "ensemble"
    )
    validation: Scores = Field(description="scores on the validation set")
    test: Scores = Field(description="scores on the test set, taken once, after the choice")
    confidence: Confidence = Field(
        description="how far its probabilities can be believed, and its temperature"
    )
    freehand: FreehandScore | None = Field(
        default=None,
        description="accuracy on drawings of validation digits; null where the labels are not "
        "digits",
    )
    forms: FreehandScore | None = Field(
        default=None,
        description="accuracy on synthetic handwriting of a held-out seed, by form; null where the "
        "labels are not digits, and in records from before there was such a score",
    )

    @property
    def seconds(self) -> float:
        """Duration of the training with its validations, s."""
        return sum(epoch.seconds for epoch in self.history)

    def metrics(self, name: SetName) -> Metrics:
        """Every scalar metric of one set; those named `calibrated_` are of what is exported."""
        scores: Scores = getattr(self, name)
        confidence = getattr(self.confidence, name)
        return {
            "size": scores.images,
            "accuracy": scores.accuracy,
            "loss": scores.loss,
            **confidence.as_trained.metrics(),
            **{f"calibrated_{key}": one for key, one in confidence.calibrated.metrics().items()},
            "aurc": confidence.coverage.aurc,
            "risk_at_99": confidence.coverage.at_99_percent,
        }


class Run(Provenance):
    """One run of the trainer: what went in, what came out."""

    recipe: str = Field(description="name of the training recipe")
    seed: int = Field(description="seed of the run")
    precision: str = Field(description="precision of the training: float32 or bfloat16")
    data: str = Field(description="name of the data set; `mnist` is the real one")
    digests: dict[str, str] = Field(
        description="SHA-256 of each array of the data set, by the array's name"
    )
    labels: tuple[str, ...] = Field(description="text of each class")
    train_size: int = Field(
        ge=1, description="number of training images, without the validation images"
    )
    settings: dict[str, JsonValue] = Field(description="every setting of the run")
    networks: tuple[NetworkResult, ...] = Field(min_length=1, description="one entry a network")
    choice: Choice = Field(description="the network chosen on the validation set, and why")

    @property
    def winner(self) -> NetworkResult:
        """The chosen network."""
        return next(
            network for network in self.networks if network.architecture == self.choice.winner
        )
