"""The command of every record of a benchmark is one that this benchmark still takes."""

import importlib
import importlib.util
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks.ablation.__main__ import AblationSettings
from benchmarks.options import BenchmarkSettings
from benchmarks.serving.__main__ import ServingSettings
from digits.errors import SettingsError
from digits.settings import read
from trainer.errors import DataError

RESULTS: Final = Path(__file__).parents[2] / "results"


def commands(value: Any) -> Iterator[str]:
    """Every `command` anywhere in a record."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from [inner] if name == "command" else commands(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from commands(inner)


RECORDED: Final = sorted(
    {
        command
        for path in RESULTS.glob("*.json")
        for command in commands(json.loads(path.read_text(encoding="utf-8")))
        if command.startswith("python -m benchmarks.")
    }
)


@pytest.mark.parametrize("command", RECORDED)
def test_recorded_command_is_one_that_the_benchmark_takes(command: str) -> None:
    _, _, name, *flags = shlex.split(command)
    module = importlib.import_module(f"{name}.__main__" if _is_package(name) else name)
    (settings,) = [
        found
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, BenchmarkSettings)
        and found.__module__ == module.__name__
    ]
    assert settings.program == f"python -m {name}"
    assert isinstance(read(settings, flags), settings)


def _is_package(name: str) -> bool:
    found = importlib.util.find_spec(name)
    return found is not None and found.submodule_search_locations is not None


def test_recorded_commands_are_of_many_benchmarks() -> None:
    assert len({command.split()[2] for command in RECORDED}) > 8


def test_variants_are_separated_by_semicolons_and_unknown_ones_refused() -> None:
    both = "without decay; everything, in float32"
    chosen = read(AblationSettings, ["--variants", both])
    assert chosen.variants == ("without decay", "everything, in float32")
    with pytest.raises(SettingsError, match="not without salt"):
        read(AblationSettings, ["--variants", "without salt"])


def test_another_server_is_named_by_its_two_addresses() -> None:
    flags = ["--serving", "localhost:8500,localhost:8501"]
    assert read(ServingSettings, flags).serving == flags[1]
    with pytest.raises(SettingsError, match="serving: expected"):
        read(ServingSettings, ["--serving", "localhost:8500"])


@pytest.mark.parametrize("name", ["ablation", "numbers", "training_speed", "variants"])
def test_benchmark_without_its_data_ends_with_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = f"benchmarks.{name}"
    program = importlib.import_module(f"{module}.__main__" if _is_package(module) else module)
    places = ["--data", str(tmp_path / "absent.npz"), "--results", str(tmp_path)]
    assert program.main(places) == DataError.exit_code
    said = capsys.readouterr().err
    assert said.startswith(f"python -m {module}: expected a data file or folder; received ")
    assert said.count("\n") == 1 and not list(tmp_path.iterdir())
