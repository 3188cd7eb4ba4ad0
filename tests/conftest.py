"""What every test gets: an environment without our variables, and a small published model."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is imported anywhere


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings a developer may have exported; a test sets its own."""
    for name in list(os.environ):
        if name.startswith("INKWELL_"):
            monkeypatch.delenv(name)
