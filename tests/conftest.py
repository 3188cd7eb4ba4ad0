"""What every test gets: an environment without our variables; and MNIST, for those that ask."""

import os
from pathlib import Path

import pytest

from trainer.data.dataset import DataSet, load

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is imported anywhere


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings a developer may have exported; a test sets its own."""
    for name in list(os.environ):
        if name.startswith("INKWELL_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def mnist() -> DataSet:
    """The real MNIST; its tests carry the marker of the same name."""
    source = os.environ.get("DIGITS_DATA")
    if not source:
        pytest.skip("DIGITS_DATA names no copy of MNIST")
    return load(Path(source))
