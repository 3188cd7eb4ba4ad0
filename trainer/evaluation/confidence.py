"""What a network knows about its own answers, as figures: before and after its one temperature."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from trainer.evaluation.calibration import Calibration
from trainer.evaluation.label_errors import DisputedScores
from trainer.evaluation.mistakes import Mistake
from trainer.evaluation.risk_coverage import RiskCoverage


class SetConfidence(BaseModel):
    """The same for one set of images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_trained: Calibration = Field(description="of the probabilities as the network gives them")
    calibrated: Calibration = Field(description="of those that are exported, with the temperature")
    coverage: RiskCoverage = Field(description="what refusing the least sure would buy, calibrated")
    mistakes: tuple[Mistake, ...] = Field(
        description="the surest of what is read wrong, surest first"
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


class ConfidenceSummary(BaseModel):
    """The figures of it that are kept of a recorded run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(gt=0, description="what the logits are divided by")
    validation_nll: float = Field(
        ge=0, description="negative log-likelihood on the validation set as trained, nats"
    )
    validation_nll_calibrated: float = Field(ge=0, description="the same with the temperature")
    test_nll: float = Field(
        ge=0, description="negative log-likelihood on the test set as trained, nats"
    )
    test_nll_calibrated: float = Field(ge=0, description="the same with the temperature")
    test_brier: float = Field(ge=0, description="Brier score on the test set as trained")
    test_brier_calibrated: float = Field(ge=0, description="the same with the temperature")
    test_ece: float = Field(
        ge=0, le=1, description="expected calibration error on the test set as trained"
    )
    test_ece_calibrated: float = Field(ge=0, le=1, description="the same with the temperature")
    test_aurc: float = Field(
        ge=0, le=1, description="area under the risk-coverage curve of the test set, calibrated"
    )
    test_risk_at_99: float = Field(
        ge=0,
        le=1,
        description="share of test images read wrong where the least sure 1 % are refused",
    )
    test_disputed: DisputedScores | None = Field(
        default=None, description="the test images whose label people dispute"
    )

    @classmethod
    def of(cls, confidence: Confidence) -> Self:
        """Take them out of all that was measured."""
        validation, test = confidence.validation, confidence.test
        return cls(
            temperature=confidence.temperature,
            validation_nll=validation.as_trained.nll,
            validation_nll_calibrated=validation.calibrated.nll,
            test_nll=test.as_trained.nll,
            test_nll_calibrated=test.calibrated.nll,
            test_brier=test.as_trained.brier,
            test_brier_calibrated=test.calibrated.brier,
            test_ece=test.as_trained.ece,
            test_ece_calibrated=test.calibrated.ece,
            test_aurc=test.coverage.aurc,
            test_risk_at_99=test.coverage.at_99_percent,
            test_disputed=confidence.disputed,
        )
