"""Settings of the release commands."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from digits.contract import MODEL_NAME
from digits.settings import Settings


class ReleaseSettings(Settings):
    """Decide which published version is served.

    `versions` lists them and their history, `examine` says what the server would say to one,
    `promote` serves one, `rollback` goes back to the one before.
    """

    program: ClassVar[str] = "python -m serving.release"
    env_prefix: ClassVar[str] = "INKWELL_RELEASE_"

    models: Path = Field(
        default=Path("models"),
        description="folder of published models; a version is models/NAME/NUMBER",
    )
    model_name: str = Field(
        default=MODEL_NAME, pattern=r"^[A-Za-z0-9_-]{1,64}$", description="name of the model"
    )
    version: int | None = Field(
        default=None,
        ge=1,
        description="number of the version to examine or promote; examine takes the served one",
    )
    why: str = Field(default="", max_length=1000, description="reason, for the ledger")
    force: bool = Field(
        default=False, description="promote although a check refuses it; the ledger notes that"
    )
    runtime: str | None = Field(
        default=None,
        pattern=r"^\d+\.\d+(\.\d+)?$",
        description="TensorFlow version of the server; default: that of the embedded server here",
    )
