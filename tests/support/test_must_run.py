"""The plugin that turns forbidden skips into failures, in a pytest of its own."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
SUITE = """
import pytest

@pytest.mark.browser
@pytest.mark.skipif(True, reason="no Chromium here")
def test_page(): ...

@pytest.mark.skip(reason="not today")
def test_other(): ...
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite with one skipped test marked `browser` and one without a mark."""
    pytester.makeini("[pytest]\nmarkers =\n    browser: needs Chromium\n    mnist: needs MNIST\n")
    pytester.makepyfile(SUITE)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return pytester


def test_skip_without_the_variable_stays_a_skip(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI_MUST_RUN", raising=False)
    suite.runpytest_subprocess("-p", "must_run").assert_outcomes(skipped=2)


@pytest.mark.parametrize("processes", [0, 2])
def test_skip_of_a_kind_that_must_run_fails_with_its_reason(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setenv("CI_MUST_RUN", "browser")
    result = suite.runpytest_subprocess("-p", "must_run", "-n", f"{processes}")
    result.assert_outcomes(errors=1, skipped=1)  # a skip by a mark happens in the set-up
    result.stdout.fnmatch_lines("*expected a test marked 'browser' to run here*no Chromium here*")


def test_kind_without_any_test_is_an_error(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_MUST_RUN", "mnist")
    result = suite.runpytest_subprocess("-p", "must_run")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*expected tests marked 'mnist'*")


def test_kind_without_any_test_ends_several_processes_too(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_MUST_RUN", "mnist")
    result = suite.runpytest_subprocess("-p", "must_run", "-n", "2")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines("*expected tests marked 'mnist'*")
