"""Verify again, now and then, the files of versions that answer calls.

Memory keeps answering after the files were altered or the disk went bad; the next start would
refuse the version. So it is reported while there is time: in the status, the metrics and the log.
"""

import logging
import time
from pathlib import Path

from digits import manifest
from digits.errors import VersionError
from serving.server.models.config import ModelSource
from serving.server.models.registry import Models

_log = logging.getLogger(__name__)


class Verification:
    """Keeps the status of available versions in step with their files."""

    def __init__(self, models: Models, seconds: float) -> None:
        """Args: seconds: between two verifications of the same version."""
        self._models = models
        self._seconds = seconds
        self._due: dict[Path, float] = {}
        self._texts: dict[Path, str] = {}

    def verify_due(self, source: ModelSource) -> None:
        """Verify the versions of a model whose time has come; they were verified as they were
        loaded."""
        folders = {
            source.base / str(number): number for number in self._models.available(source.name)
        }
        for gone in [f for f in self._due if f.parent == source.base and f not in folders]:
            del self._due[gone]
            self._texts.pop(gone, None)
        for folder, number in folders.items():
            if time.monotonic() >= self._due.setdefault(folder, time.monotonic() + self._seconds):
                self._verify(source.name, number, folder)
                self._due[folder] = time.monotonic() + self._seconds

    def _verify(self, name: str, number: int, folder: Path) -> None:
        text = _fault_of(folder)
        if text != self._texts.get(folder, ""):
            if text:
                _log.warning("model %s: version %d: %s", name, number, text)
            else:
                _log.info("model %s: version %d: its files are whole again", name, number)
        self._texts[folder] = text
        self._models.warn(name, number, text)


def _fault_of(folder: Path) -> str:
    try:
        manifest.verify(folder)
    except VersionError as error:
        return f"answers from memory, but the next start would refuse its files: {error}"
    return ""
