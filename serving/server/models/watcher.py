"""Follow the model folders: load what is new, swap when it is ready, refuse what is broken.

One look at one model: list its versions, leave out the refused ones, let the policy pick; load the
picked ones that are not there yet; when all are, retire the others. A refused version counts as
absent until its files change or its next try is due, so the policy falls back on the next best.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from digits import store
from digits.errors import StoreError
from serving.server.errors import Code, VersionRefusedError
from serving.server.models.config import ModelSource
from serving.server.models.model import State
from serving.server.models.registry import Models
from serving.server.models.version import LoadedVersion

_log = logging.getLogger(__name__)

_SLOW: Final = (
    "model %s: expected its folder to be read in %g s; it is still being read; see whether its "
    "storage answers. Versions that are loaded go on answering; no new one is loaded meanwhile"
)
Load = Callable[[str, int, Path], LoadedVersion]
"""Loads model, number, folder, or raises VersionRefusedError."""
SLOW_SECONDS: Final = 60.0
"""More than verifying and loading a version takes."""
Fingerprint = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Retries:
    """How often a refused version is tried again while its files stay as they are, and after how
    many seconds."""

    count: int = 0
    seconds: float = 60.0


@dataclass(frozen=True)
class _Refusal:
    """Why a version was refused, what its files were then, and when it is tried again."""

    files: Fingerprint
    text: str
    tries: int
    again_at: float


class Watcher:
    """Keeps `models` in step with the folders of `sources`."""

    def __init__(
        self,
        sources: Sequence[ModelSource],
        models: Models,
        load: Load,
        retries: Retries = Retries(),
        *,
        after_look: Callable[[], None] = lambda: None,
        verify: Callable[[ModelSource], None] = lambda _: None,
        slow_seconds: float = SLOW_SECONDS,
    ) -> None:
        """Args:
        after_look: called after each look, when the states of versions may have changed.
        verify: called with each model whose versions are up; verifies their files when due.
        slow_seconds: after which a look at one model that goes on is reported.
        """
        self._slow_seconds = slow_seconds
        self._sources = list(sources)
        self._models = models
        self._load = load
        self._retries = retries
        self._after_look = after_look
        self._verify = verify
        self._refused: dict[Path, _Refusal] = {}
        self._unreadable: set[str] = set()
        self._looking = threading.Lock()
        self._restart = threading.Event()

    def follow(self, seconds: float, stop: threading.Event) -> None:
        """Look every `seconds` until `stop` is set; the time begins anew when the sources
        change."""
        while not stop.is_set():
            if self._restart.wait(seconds):
                self._restart.clear()
            elif not stop.is_set():
                self.look()

    def look(self, at_once: int = 1) -> None:
        """Look at every model once; one model's trouble is not another's.

        Args:
            at_once: models that may be loaded at a time. More than one is for the start: later it
                would take the cores from the calls.
        """
        with self._looking:
            if at_once > 1:
                with ThreadPoolExecutor(at_once, "look") as threads:
                    list(threads.map(self._look_and_verify, self._sources))
            else:
                for source in self._sources:
                    self._look_and_verify(source)
            self._retire_dropped()
        self._after_look()

    def _look_and_verify(self, source: ModelSource) -> None:
        try:
            with _reporting(source.name, self._slow_seconds):
                self._look_at(source)
                self._verify(source)
        except Exception:  # noqa: BLE001 - logged whole; the server must outlive a bad folder
            _log.exception("looking at model %s failed; the next look tries again", source.name)

    def add(self, sources: Sequence[ModelSource]) -> None:
        """Bring up models that are not followed yet, before `replace` makes them known to `look`.

        Raises:
            VersionRefusedError: one has no version that can be served; the next look takes the
                others away again.
        """
        with self._looking:
            for source in sources:
                self._look_at(source)
                if not self._models.available(source.name):
                    raise VersionRefusedError(Code.FAILED_PRECONDITION, self._why_absent(source))

    def replace(self, sources: Sequence[ModelSource]) -> None:
        """Follow these models from now on; the next look takes those away that are not among
        them."""
        with self._looking:
            self._sources = list(sources)
            self._restart.set()

    def _why_absent(self, source: ModelSource) -> str:
        reasons = [
            refusal.text
            for folder, refusal in self._refused.items()
            if folder.parent == source.base
        ]
        return reasons[-1] if reasons else "its folder holds no version that the policy picks"

    def _retire_dropped(self) -> None:
        kept = {source.name for source in self._sources}
        for name in self._models.known() - kept:
            self._retire(ModelSource(name, Path()), self._models.available(name))

    def _look_at(self, source: ModelSource) -> None:
        found = self._list(source)
        candidates = [number for number in found if not self._is_refused(source.base / str(number))]
        while missing := self._missing(source, candidates):
            number = missing[-1]
            if not self._bring_up(source, number, missing):
                candidates.remove(number)
        picked = set(source.policy(candidates))
        outdated = self._models.available(source.name) - picked
        if (
            not picked
        ):  # an emptied folder keeps the last good version, a policy that picks none does not
            outdated &= set(found)
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
            self._models.announce(
                source.name, other, State.LOADING if other == number else State.START
            )
        folder = source.base / str(number)
        seen = _fingerprint(folder)  # before the load: what changes meanwhile is worth another try
        try:
            version = self._load(source.name, number, folder)
        except VersionRefusedError as error:
            self._models.refuse(source.name, number, error)
            self._note_refusal(folder, seen, error.text, f"model {source.name}: version {number}")
            return False
        self._refused.pop(folder, None)
        self._models.serve(source.name, version)
        _log.info("model %s: version %d is available", source.name, number)
        return True

    def _note_refusal(self, folder: Path, files: Fingerprint, text: str, who: str) -> None:
        before = self._refused.get(folder)
        if before is None or before.text != text:
            _log.warning("%s refused: %s", who, text)
        tries = before.tries + 1 if before and before.files == files else 0
        self._refused[folder] = _Refusal(
            files, text, tries, time.monotonic() + self._retries.seconds
        )

    def _is_refused(self, folder: Path) -> bool:
        refusal = self._refused.get(folder)
        if refusal is None or refusal.files != _fingerprint(folder):
            return False
        return refusal.tries >= self._retries.count or time.monotonic() < refusal.again_at

    def _retire(self, source: ModelSource, numbers: set[int]) -> None:
        if not numbers:
            return
        self._models.retire(source.name, numbers)
        for number in sorted(numbers):
            _log.info("model %s: version %d is retired", source.name, number)


@contextmanager
def _reporting(name: str, seconds: float) -> Iterator[None]:
    """Say so if what is done here takes long: storage that does not answer blocks this thread,
    which cannot tell."""
    timer = threading.Timer(seconds, _log.warning, (_SLOW, name, seconds))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _fingerprint(folder: Path) -> Fingerprint:
    """Names, sizes and times of the files below `folder`: changes whenever somebody writes
    there."""
    entries = []
    for path in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):  # deleted since it was listed
            facts = path.lstat()
            entries.append((str(path), facts.st_size, facts.st_mtime_ns))
    return tuple(entries)
