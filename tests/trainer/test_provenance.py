import json
from pathlib import Path

import pytest

from trainer.provenance import describe_command

RESULTS = sorted((Path(__file__).parents[2] / "results").glob("*.json"))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("runs/best-seed1,runs/best-seed2", "runs/best-seed1,runs/best-seed2"),
        ("/srv/data/pens.npz", "pens.npz"),
        ("--data=/srv/data/mnist.npz", "--data=mnist.npz"),
        ("/srv/a/one,/srv/two,b/three", "one,two,b/three"),
        ("/mnist", "mnist"),
        ("/srv/runs/", "runs/"),
        ("1/2", "1/2"),
        ("/", "/"),
    ],
)
def test_describe_command_keeps_where_files_lie_to_itself(typed: str, told: str) -> None:
    assert describe_command("trainer", ["--flag", typed]) == f"python -m trainer --flag {told}"


def test_describe_command_quotes_what_a_shell_would_take_apart() -> None:
    assert (
        describe_command("trainer", ["--run_dir", "two words"])
        == "python -m trainer --run_dir 'two words'"
    )


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_recorded_commands_name_no_place_of_the_machine(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    commands = [entry["command"] for entry in (found if isinstance(found, list) else [found])]
    assert [
        command
        for command in commands
        if any(word.startswith("/") or "=/" in word for word in command.split())
    ] == []
