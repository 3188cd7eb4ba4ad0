"""How accurate the served versions are, from their manifests: the server's API does not tell."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from digits.errors import VersionError
from digits.manifest import read_manifest

Accuracy = Callable[[str, int], float | None]
"""Of a model and a version: the share of the validation images that it reads correctly, 0..1; None
where that is not known."""


def accuracy_in(models: Path | None) -> Accuracy:
    """Looks in `models`/MODEL/VERSION, or nowhere."""
    return partial(_validation_accuracy, models) if models else _unknown


def _validation_accuracy(models: Path, model: str, version: int) -> float | None:
    try:
        manifest = read_manifest(models / model / str(version))
    except VersionError:
        return None
    return manifest.metrics.get("validation", {}).get("accuracy")


def _unknown(_model: str, _version: int) -> None:
    return None
