"""What a network knows about its own answers, as metrics: before and after its one temperature."""

from pydantic import BaseModel, ConfigDict, Field

from trainer.evaluation.calibration import Calibration
from trainer.evaluation.label_errors import DisputedScores
from trainer.evaluation.mistakes import Mistake
from trainer.evaluation.risk_coverage import RiskCoverage


class SetConfidence(BaseModel):
    """Calibration, coverage and mistakes on one set of images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_trained: Calibration = Field(description="of the probabilities as the network gives them")
    calibrated: Calibration = Field(description="of those that are exported, with the temperature")
    coverage: RiskCoverage = Field(description="what refusing the least sure would buy, calibrated")
    mistakes: tuple[Mistake, ...] = Field(
        description="the most confident of what is read wrong, most confident first"
    )


class Confidence(BaseModel):
    """How far the answers of one network can be believed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(
        gt=0, description="what the logits are divided by; fitted on the validation set alone"
    )
    validation: SetConfidence = Field(
        description="on the validation set, which the temperature was fitted on"
    )
    test: SetConfidence = Field(description="on the test set")
    disputed: DisputedScores | None = Field(
        description="the test images whose label people dispute; none but in MNIST's own test set"
    )
