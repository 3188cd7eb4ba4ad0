"""The recorded requests and answers, and the list of answers in which we differ on purpose."""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]

HERE: Final = Path(__file__).parent
DEVIATIONS_FILE: Final = HERE.parents[1] / "serving" / "server" / "deviations.toml"


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer."""

    request: Json
    answer: Json

    @property
    def id(self) -> str:
        """Name of the request, unique in its folder."""
        return str(self.request["id"])

    @property
    def stage(self) -> tuple[str, str]:
        """The server that must answer it: a setup, and within `reload` one of its own for each
        group."""
        return self.request["setup"], self.request.get("group") or ""


def read_exchanges(folder: Path) -> list[Exchange]:
    """The exchanges of a folder; those of one group in the order in which they were sent."""
    answers = {answer["id"]: answer for answer in _lines(folder / "answers.jsonl")}
    exchanges = [
        Exchange(request, answers[request["id"]]) for request in _lines(folder / "requests.jsonl")
    ]
    return sorted(
        exchanges, key=lambda exchange: (*exchange.stage, exchange.request.get("step") or 0)
    )


def read_timelines(folder: Path) -> dict[str, Json]:
    """The behaviours over time, by name."""
    path = folder / "timelines.jsonl"
    return {timeline["id"]: timeline for timeline in _lines(path)} if path.exists() else {}


def _lines(path: Path) -> Iterator[Json]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def read_deviations() -> list[Json]:
    """The list: what, theirs, here, why; and for each covered request what we answer instead."""
    return list(tomllib.loads(DEVIATIONS_FILE.read_text(encoding="utf-8"))["deviation"])


def instead_of(deviations: list[Json], kind: str) -> dict[str, Json]:
    """What we answer instead, by name of the request (`requests`) or of the behaviour
    (`timelines`)."""
    return {
        name: ours for deviation in deviations for name, ours in deviation.get(kind, {}).items()
    }
