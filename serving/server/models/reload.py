"""Take a new configuration while serving: from a call, or from the file when it changed."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from digits.errors import SettingsError
from serving.server.errors import FailedPreconditionError, ServingError, VersionRefusedError
from serving.server.models.config import ModelSource
from serving.server.models.registry import Models
from serving.server.models.watcher import Watcher

_log = logging.getLogger(__name__)


class Reloader:
    """Swaps what is served for what a configuration names. A configuration that cannot be followed
    changes nothing."""

    def __init__(
        self,
        sources: Sequence[ModelSource],
        models: Models,
        watcher: Watcher,
        *,
        unavailable_labels: bool,
    ) -> None:
        """Args: unavailable_labels: take labels of versions that do not answer yet."""
        self._sources = list(sources)
        self._models = models
        self._watcher = watcher
        self._unavailable_labels = unavailable_labels
        self._one_at_a_time = threading.Lock()

    def apply(self, sources: Sequence[ModelSource]) -> None:
        """Serve these models: new ones answer when this returns, dropped ones go with the next look
        at the folders.

        Raises:
            FailedPreconditionError: a new model has nothing to serve, or a label names a version
                that does not answer.
        """
        with self._one_at_a_time:
            before = self._sources
            names = {source.name for source in before}
            self._models.configure({*names, *(source.name for source in sources)})
            try:
                self._watcher.add([source for source in sources if source.name not in names])
                self._label(sources)
            except (VersionRefusedError, ServingError) as error:
                self._models.configure(names)
                self._watcher.replace(before)
                if isinstance(error, VersionRefusedError):
                    raise FailedPreconditionError(
                        f"A new model cannot be served: {error.text}; the configuration stays as "
                        "it was"
                    ) from error
                raise
            self._sources = list(sources)
            self._watcher.replace(sources)
            self._models.configure(source.name for source in sources)

    def label_first(self) -> None:
        """Set the labels of the configuration the server started with.

        Raises:
            FailedPreconditionError: one names a version that does not answer, and that is not
                allowed.
        """
        self._label(self._sources)

    def _label(self, sources: Sequence[ModelSource]) -> None:
        labels = {source.name: source.labels for source in sources}
        self._models.label(labels, unavailable_too=self._unavailable_labels)

    def follow(
        self,
        path: Path,
        read: Callable[[], Sequence[ModelSource]],
        seconds: float,
        stop: threading.Event,
    ) -> None:
        """Look at the file every `seconds` until `stop` is set, and serve what `read` finds in it
        when it changed; a bad one is logged and changes nothing."""
        seen = _content(path)
        while not stop.wait(seconds):
            content = _content(path)
            if content == seen:
                continue
            seen = content
            _log_faults(lambda: self.apply(read()), path)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _log_faults(take: Callable[[], None], path: Path) -> None:
    try:
        take()
        _log.info("configuration taken from %s", path)
    except (ServingError, SettingsError) as error:
        _log.warning("configuration in %s not taken, the one before stays: %s", path, error)
