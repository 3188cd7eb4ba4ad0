"""A pytest plugin: in CI, a skipped test of a kind that must run is a failure.

`CI_MUST_RUN` lists markers, such as `browser mnist`. Without it, tests skip what the machine lacks.
"""

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test that carries one of the markers into a failure that says why."""
    report = yield
    forbidden = [
        name for name in os.environ.get("CI_MUST_RUN", "").split() if item.get_closest_marker(name)
    ]
    if forbidden and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = (
            f"expected a test marked '{forbidden[0]}' to run here (CI_MUST_RUN); received: {reason}"
        )
    return report


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a suite in which no test carries one of the markers: then nothing would have run.

    One of several processes can only ask for the end; what it raises is lost.

    Raises:
        UsageError: a marker is misspelt, or its tests are gone.
    """
    for name in os.environ.get("CI_MUST_RUN", "").split():
        if not any(item.get_closest_marker(name) for item in session.items):
            text = (
                f"expected tests marked '{name}' (CI_MUST_RUN); received none; fix the marker or "
                "the variable"
            )
            if not hasattr(session.config, "workerinput"):
                raise pytest.UsageError(text)
            session.shouldstop = text
