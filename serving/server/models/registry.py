"""The models and their versions as a caller sees them: who is asked, who answers, and what state
each version is in.

A call leases its version; a version that is retired answers no new calls and leaves memory when its
last lease ends.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from serving.server.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    VersionRefusedError,
)
from serving.server.models.model import Entry, Model, State, Target, VersionStatus
from serving.server.models.version import LoadedVersion


class Models:
    """Every model served. All methods may be called from any thread."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._models: dict[str, Model] = {}
        self.configure(names)

    def names(self) -> list[str]:
        """The models that are configured, with or without a version to serve."""
        with self._lock:
            return [name for name, model in self._models.items() if model.configured]

    def is_configured(self, name: str) -> bool:
        """Whether a model of this name is configured."""
        model = self._models.get(name)
        return model is not None and model.configured

    def all_answer(self) -> bool:
        """Whether every configured model has a version that answers calls."""
        with self._lock:
            return all(
                model.latest is not None for model in self._models.values() if model.configured
            )

    def known(self) -> set[str]:
        """The models that are configured or ever were."""
        with self._lock:
            return set(self._models)

    def configure(self, names: Iterable[str]) -> None:
        """Serve these models; of others only what became of their versions is remembered."""
        wanted = set(names)
        with self._lock:
            for name in wanted:
                self._models.setdefault(name, Model())
            for name, model in self._models.items():
                model.configured = name in wanted

    def label(self, labels: Mapping[str, Mapping[str, int]], *, unavailable_too: bool) -> None:
        """Set the labels of the named models anew; others lose theirs. All are set, or none.

        Raises:
            FailedPreconditionError: a label for a version that does not answer calls, unless
                `unavailable_too`.
        """
        with self._lock:
            if not unavailable_too:
                self._check_labels(labels)
            for name, model in self._models.items():
                model.labels = dict(labels.get(name, {}))

    def _check_labels(self, labels: Mapping[str, Mapping[str, int]]) -> None:
        for name, of_model in labels.items():
            for _, number in sorted(of_model.items()):
                entry = self._models[name].entries.get(number)
                if entry is None or entry.status.state != State.AVAILABLE:
                    raise FailedPreconditionError(
                        f"Request to assign label to version {number} of model {name}, which is "
                        "not currently available for inference"
                    )

    @contextmanager
    def lease(self, target: Target) -> Iterator[LoadedVersion]:
        """Hold the version that `target` means; it stays loaded meanwhile.

        Raises:
            InvalidArgumentError: no name, or a label nobody set.
            NotFoundError: no such model, or that version is not available.
        """
        with self._lock:
            entry, loaded = self._find(target)
            entry.leases += 1
        try:
            yield loaded
        finally:
            with self._lock:
                entry.leases -= 1
                entry.end_if_idle()  # `loaded` keeps the version until the lock is free again

    def _find(self, target: Target) -> tuple[Entry, LoadedVersion]:
        if not target.model:
            raise InvalidArgumentError("ModelSpec has no name specified.")
        model = self._models.get(target.model)
        number = (model or Model()).number(target)
        entry = model.entries.get(number) if model and number is not None else None
        if entry is None or entry.loaded is None or entry.status.state != State.AVAILABLE:
            asked = (
                f"Latest({target.model})"
                if number is None or target.is_latest
                else f"Specific({target.model}, {number})"
            )
            raise NotFoundError(f"Servable not found for request: {asked}")
        return entry, entry.loaded

    def status(self, name: str, version: int | None = None) -> list[VersionStatus]:
        """The states of a model's versions, newest first; of one version if `version` is given.

        Raises:
            NotFoundError: none is known.
        """
        with self._lock:
            model = self._models.get(name)
            entries = dict(model.entries) if model else {}
        if version is not None:
            if version not in entries:
                raise NotFoundError(f"Could not find version {version} of model {name}")
            return [entries[version].status]
        if not entries:
            raise NotFoundError(f"Could not find any versions of model {name}")
        return [entries[number].status for number in sorted(entries, reverse=True)]

    def available(self, name: str) -> set[int]:
        """The versions that answer calls now."""
        with self._lock:
            model = self._models.get(name)
            return model.available() if model else set()

    def announce(self, name: str, number: int, state: State) -> None:
        """Note that a version was found (START) or is being loaded (LOADING)."""
        with self._lock:
            self._models[name].entry(number).status = VersionStatus(number, state)

    def refuse(self, name: str, number: int, reason: VersionRefusedError) -> None:
        """Note why a version will not be served."""
        with self._lock:
            self._models[name].entry(number).status = VersionStatus(
                number, State.END, reason.code, reason.text
            )

    def serve(self, name: str, version: LoadedVersion) -> None:
        """Let a loaded version answer calls; if it is the newest, it answers those that name
        none."""
        with self._lock:
            model = self._models[name]
            entry = model.entry(version.number)
            _replaced, entry.loaded = entry.loaded, version
            entry.status = VersionStatus(version.number, State.AVAILABLE)
            model.point_at_latest()

    def warn(self, name: str, number: int, text: str) -> None:
        """Say in the status of an available version what is wrong with its files; "" takes it
        back."""
        with self._lock:
            entry = self._models[name].entry(number)
            if entry.status.state == State.AVAILABLE:
                entry.status = VersionStatus(number, State.AVAILABLE, text=text)

    def retire(self, name: str, numbers: Iterable[int]) -> None:
        """Take versions out of service; each leaves memory when the calls it is answering have
        ended."""
        dropped = []  # freed after the lock: that runs code of TensorFlow
        with self._lock:
            model = self._models[name]
            for number in numbers:
                entry = model.entry(number)
                dropped.append(entry.loaded)
                entry.status = VersionStatus(number, State.UNLOADING)
                entry.end_if_idle()
            model.point_at_latest()
            model.forget_oldest()
