"""The history of one training: a record an epoch, as JSON that survives a crash."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from digits.files import write_synced


class Epoch(BaseModel):
    """What was measured of one epoch."""

    # A training that diverged is history too.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    epoch: int = Field(ge=1, description="number of the epoch, from 1")
    loss: float = Field(description="mean categorical cross-entropy while training, nats")
    accuracy: float = Field(
        ge=0,
        le=1,
        description="share of training images classified correctly, with augmentation and dropout",
    )
    validation_loss: float = Field(
        description="mean categorical cross-entropy on the validation set, nats"
    )
    validation_accuracy: float = Field(
        ge=0, le=1, description="share of validation images classified correctly"
    )
    learning_rate: float = Field(ge=0, description="learning rate at the end of the epoch")
    seconds: float = Field(ge=0, description="duration of the epoch with its validation, s")


History = list[Epoch]

_LAYOUT = TypeAdapter(History)


def write_history(history: History, path: Path) -> None:
    """Replace the JSON file `path` by `history`; a crash leaves the old file or the new one."""
    write_synced(path, _LAYOUT.dump_json(history, indent=2) + b"\n")


def read_history(path: Path) -> History:
    """Read what `write_history` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it does not hold a history.
    """
    return _LAYOUT.validate_json(path.read_bytes())
