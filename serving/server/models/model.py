"""One model and its versions: what state each is in, and which one a caller means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from serving.server.errors import Code, InvalidArgumentError
from serving.server.models.version import LoadedVersion

_MOST_ENDED: Final = 100
"""Ended versions remembered in the status of a model; older ones are forgotten, so that years of
swaps fit in memory."""


class State(IntEnum):
    """Life of a version. Source: tensorflow_serving/apis/get_model_status.proto."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True)
class VersionStatus:
    """State of one version; `code` and `text` say why it was refused; of an available version
    `text` says what is wrong with its files."""

    number: int
    state: State
    code: Code = Code.OK
    text: str = ""


@dataclass(frozen=True)
class Target:
    """Who is asked: the newest version, that of a number, or that of a label."""

    model: str
    version: int | None = None
    label: str = ""

    @property
    def is_latest(self) -> bool:
        """Whether the newest version is meant."""
        return self.version is None and not self.label


@dataclass
class Entry:
    """One version as the registry keeps it."""

    status: VersionStatus
    loaded: LoadedVersion | None = None
    leases: int = 0

    def end_if_idle(self) -> None:
        """Free a retired version that answers no call any more."""
        if self.status.state == State.UNLOADING and self.leases == 0:
            self.loaded = None
            self.status = VersionStatus(self.status.number, State.END)


@dataclass
class Model:
    """One model. `latest` changes in one step, so a call sees the old version or the new one."""

    labels: Mapping[str, int] = field(default_factory=dict)
    entries: dict[int, Entry] = field(default_factory=dict)
    latest: int | None = None
    configured: bool = True

    def entry(self, number: int) -> Entry:
        """Its version of this number, noted now if it was not known."""
        return self.entries.setdefault(number, Entry(VersionStatus(number, State.START)))

    def number(self, target: Target) -> int | None:
        """The version that `target` means; none where there is none.

        Raises:
            InvalidArgumentError: a label nobody set.
        """
        if target.label:
            if target.label not in self.labels:
                raise InvalidArgumentError(f"Unrecognized servable version label: {target.label}")
            return self.labels[target.label]
        return self.latest if target.version is None else target.version

    def available(self) -> set[int]:
        """The versions that answer calls now."""
        return {n for n, entry in self.entries.items() if entry.status.state == State.AVAILABLE}

    def point_at_latest(self) -> None:
        """Let the newest version that answers calls be `latest`."""
        self.latest = max(self.available(), default=None)

    def forget_oldest(self) -> None:
        """Keep the status of the last ended versions only."""
        ended = sorted(n for n, entry in self.entries.items() if entry.status.state == State.END)
        for number in ended[:-_MOST_ENDED]:
            del self.entries[number]
