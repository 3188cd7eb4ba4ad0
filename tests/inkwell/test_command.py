"""The command `inkwell`: each word starts its program, and a wrong word lists them."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from inkwell.__main__ import PROGRAMS

ROOT = Path(__file__).parents[2]


def inkwell(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "inkwell", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("command", PROGRAMS)
def test_command_names_a_program_that_exists(command: str) -> None:
    assert importlib.util.find_spec(PROGRAMS[command].module) is not None


@pytest.mark.parametrize(("arguments", "code"), [((), 2), (("paint",), 2), (("--help",), 0)])
def test_command_that_does_not_exist_lists_those_that_do(
    arguments: tuple[str, ...], code: int
) -> None:
    done = inkwell(*arguments)
    assert done.returncode == code
    listed = done.stderr if code else done.stdout
    assert {line.split()[0] for line in listed.splitlines()[1:]} == set(PROGRAMS)


def test_command_passes_its_arguments_and_the_exit_code_on() -> None:
    done = inkwell("status", "--server=grpc://127.0.0.1:1", "--deadline=0.5")
    assert done.returncode == 1
    assert "python -m serving.client: " in done.stderr and "Traceback" not in done.stderr
    assert inkwell("predict").returncode == 2
