"""A pytest plugin: which tests stay together when several processes share them (`-n`).

A file is run by one process, since its fixtures are dear; a folder of `_TOGETHER` too, since its
tests share one thing of this machine.
"""

from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # it ships none

_TOGETHER: Final = ("tests/containers/",)
"""Its tests share the engine and the images that they build."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # without types
    """Hands out whole files, or whole folders."""

    def _split_scope(self, nodeid: str) -> str:
        for folder in _TOGETHER:
            if nodeid.startswith(folder):
                return folder
        return nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """The schedule of the process that hands out the tests."""
    return ByFile(config, log)
