"""Follow the model folders: load what is new, swap when it is ready, refuse what is broken.

One look at one model: list its versions, leave out the refused ones, let the policy pick; load the picked ones that are not
there yet; when all are, retire the others. A refused version counts as absent until its files change, so the policy
falls back on the next best and nothing is retried in vain.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from digits import store
from digits.errors import StoreError
from serving.server.config import ModelSource
from serving.server.errors import VersionRefusedError
from serving.server.models import Models, State
from serving.server.version import LoadedVersion

_log = logging.getLogger(__name__)

Load = Callable[[str, int, Path], LoadedVersion]
"""Loads model, number, folder, or raises VersionRefusedError."""
Fingerprint = tuple[tuple[str, int, int], ...]


class Watcher:
    """Keeps `models` in step with the folders of `sources`."""

    def __init__(self, sources: Sequence[ModelSource], models: Models, load: Load) -> None:
        self._sources = sources
        self._models = models
        self._load = load
        self._refused: dict[Path, tuple[Fingerprint, str]] = {}
        self._unreadable: set[str] = set()

    def follow(self, seconds: float, stop: threading.Event) -> None:
        """Look every `seconds` until `stop` is set."""
        while not stop.wait(seconds):
            self.look()

    def look(self) -> None:
        """Look at every model once; one model's trouble is not another's."""
        for source in self._sources:
            try:
                self._look_at(source)
            except Exception:  # noqa: BLE001 - logged whole; the server must outlive a bad folder
                _log.exception("looking at model %s failed; the next look tries again", source.name)

    def _look_at(self, source: ModelSource) -> None:
        candidates = [number for number in self._list(source) if not self._is_refused(source.base / str(number))]
        while missing := self._missing(source, candidates):
            number = missing[-1]
            if not self._bring_up(source, number, missing):
                candidates.remove(number)
        picked = set(source.policy(candidates))
        outdated = self._models.available(source.name) - picked
        if picked and outdated:  # an emptied folder keeps the last good version
            self._retire(source, outdated)

    def _list(self, source: ModelSource) -> list[int]:
        try:
            found = store.versions(source.base)
        except StoreError as error:
            if source.name not in self._unreadable:
                _log.warning("model %s: %s", source.name, error)
            self._unreadable.add(source.name)
            return []
        self._unreadable.discard(source.name)
        return found

    def _missing(self, source: ModelSource, candidates: Sequence[int]) -> list[int]:
        available = self._models.available(source.name)
        return [number for number in source.policy(candidates) if number not in available]

    def _bring_up(self, source: ModelSource, number: int, missing: Sequence[int]) -> bool:
        for other in missing:
            self._models.announce(source.name, other, State.LOADING if other == number else State.START)
        folder = source.base / str(number)
        seen = _fingerprint(folder)  # before the load: what changes meanwhile is worth another try
        try:
            version = self._load(source.name, number, folder)
        except VersionRefusedError as error:
            self._models.refuse(source.name, number, error)
            if self._refused.get(folder, (None, ""))[1] != error.text:
                _log.warning("model %s: version %d refused: %s", source.name, number, error.text)
            self._refused[folder] = seen, error.text
            return False
        self._refused.pop(folder, None)
        self._models.serve(source.name, version)
        _log.info("model %s: version %d is available", source.name, number)
        return True

    def _is_refused(self, folder: Path) -> bool:
        return folder in self._refused and self._refused[folder][0] == _fingerprint(folder)

    def _retire(self, source: ModelSource, numbers: set[int]) -> None:
        self._models.retire(source.name, numbers)
        for number in sorted(numbers):
            _log.info("model %s: version %d is retired", source.name, number)


def _fingerprint(folder: Path) -> Fingerprint:
    """Names, sizes and times of the files below `folder`: changes whenever somebody writes there."""
    entries = []
    for path in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):  # deleted since it was listed
            facts = path.lstat()
            entries.append((str(path), facts.st_size, facts.st_mtime_ns))
    return tuple(entries)
