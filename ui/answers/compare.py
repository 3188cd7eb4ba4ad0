"""Ask every model and version that the server hosts about one drawing."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from serving.client import Access, Client, ClientError, Drawing, NotFoundError, connect
from ui.answers.accuracy import Accuracy, accuracy_in
from ui.answers.polled import Polled

_log = logging.getLogger(__name__)

_MOST: Final = 8
"""Versions asked about one drawing; the newest of each model."""
_OF_ONE_MODEL: Final = 3
_CONNECTIONS: Final = 32
"""Kept open; the one that was not used for longest makes room, as versions come and go."""


@dataclass(frozen=True)
class Opinion:
    """What one version of one model says."""

    model: str
    version: int | None
    """None where the model is not there at all."""
    drawing: Drawing | None
    """None where it gave no answer."""
    milliseconds: float
    """From asking to its answer."""
    accuracy: float | None = None
    """The share of the validation images that it reads correctly, 0..1; None where unknown."""


@dataclass(frozen=True)
class Comparison:
    """What all of them say about one drawing."""

    opinions: tuple[Opinion, ...]

    @property
    def answered(self) -> list[Opinion]:
        """Those that gave an answer."""
        return [opinion for opinion in self.opinions if opinion.drawing is not None]

    @property
    def most_accurate(self) -> list[Opinion]:
        """The most accurate of those that answered; several where they are equal, none where fewer
        than two accuracies are known."""
        known = [opinion for opinion in self.answered if opinion.accuracy is not None]
        if len(known) <= 1:
            return []
        best = max(opinion.accuracy or 0.0 for opinion in known)
        return [opinion for opinion in known if opinion.accuracy == best]

    @property
    def labels(self) -> list[str]:
        """Their answers."""
        return [opinion.drawing.label for opinion in self.opinions if opinion.drawing is not None]

    @property
    def agree(self) -> bool:
        """Whether all answers are the same digit."""
        return len(set(self.labels)) == 1


class Comparer:
    """Asks the models of one server. Safe to share between threads; close it at the end."""

    def __init__(
        self,
        server: str,
        models: Sequence[str],
        deadline: float,
        access: Access | None = None,
        accuracy: Accuracy | None = None,
    ) -> None:
        """Prepare to ask `models` on `server`; `deadline` is in seconds for each call. Nothing is
        sent yet."""
        self._accuracy = accuracy or accuracy_in(None)
        self._server = server
        self._access = access
        self._models = tuple(dict.fromkeys(models))
        self._deadline = deadline
        self._clients: dict[tuple[str, int | None], Client] = {}
        self._lock = threading.Lock()
        self._choice = Polled(self._is_choice)

    def has_choice(
        self, *, may_ask: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> bool:
        """Whether two or more versions can be compared; the arguments are those of `Polled.get`."""
        return self._choice.get(may_ask=may_ask, clock=clock)

    def _is_choice(self) -> bool:
        return sum(map(self._count, self._models)) > 1

    def _count(self, model: str) -> int:
        try:
            return len(self._available(model))
        except NotFoundError:
            return 0

    def compare(self, picture: bytes, clock: Callable[[], float] = time.perf_counter) -> Comparison:
        """Ask all versions that are available, one after another, so that each latency is its own.

        Args:
            picture: an encoded PNG or JPEG.
            clock: seconds of a clock that never goes back.

        Raises:
            ClientError: the first model, the page's own, cannot be asked which versions it has.
        """
        asked = [(model, version) for model in self._models for version in self._versions(model)]
        return Comparison(
            tuple(self._ask(model, version, picture, clock) for model, version in asked[:_MOST])
        )

    def _versions(self, model: str) -> Iterator[int | None]:
        try:
            found = self._available(model)
        except ClientError as error:
            if model == self._models[0]:
                raise
            _log.warning("%s", error)
            found = []
        yield from found[:_OF_ONE_MODEL] if found else (None,)

    def _available(self, model: str) -> list[int]:
        """Its versions that can be asked, newest first."""
        statuses = self._client(model, None).status()
        return [status.version for status in statuses if status.state == "AVAILABLE"]

    def _ask(
        self, model: str, version: int | None, picture: bytes, clock: Callable[[], float]
    ) -> Opinion:
        if version is not None:
            with suppress(ClientError):  # it may have gone since it was listed
                begun = clock()
                [drawing] = self._client(model, version).read([picture])
                taken = (clock() - begun) * 1000
                return Opinion(model, version, drawing, taken, self._accuracy(model, version))
        return Opinion(model, version, None, 0.0)

    def _client(self, model: str, version: int | None) -> Client:
        with self._lock:
            client = self._clients.pop((model, version), None)
            if client is None:
                client = connect(
                    self._server,
                    model=model,
                    version=version,
                    deadline=self._deadline,
                    access=self._access,
                )
            self._clients[model, version] = client
            if len(self._clients) > _CONNECTIONS:
                self._clients.pop(next(iter(self._clients))).close()
            return client

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
