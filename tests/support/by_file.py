"""A pytest plugin: which tests stay together when several processes share them (`-n`).

A file is run by one process, since its fixtures are dear; a folder of `TOGETHER` too, since its
tests share one thing of this machine.
"""

from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # it ships none

TOGETHER: Final = ("tests/containers/",)
"""Its tests share the engine and the images that they build."""
LONGEST: Final = (
    "tests/containers/",
    "tests/trainer/test_pipeline.py",
    "tests/benchmarks/test_kills.py",
    "tests/digits/test_faults.py",
    "tests/trainer/training/test_fine_tune.py",
)
"""These are begun first: a long one that is begun last keeps one process busy and the others
idle."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # without types
    """Hands out whole files, or whole folders."""

    def _split_scope(self, nodeid: str) -> str:
        for folder in TOGETHER:
            if nodeid.startswith(folder):
                return folder
        return nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """The schedule of the process that hands out the tests."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first; all others stay in their order."""
    items.sort(key=lambda item: _turn(item.nodeid))


def _turn(nodeid: str) -> int:
    found = (turn for turn, place in enumerate(LONGEST) if nodeid.startswith(place))
    return next(found, len(LONGEST))
