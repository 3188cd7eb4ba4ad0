import json
import subprocess
from pathlib import Path

import pytest

from trainer.provenance import describe_command, describe_revision

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


@pytest.mark.parametrize(
    ("changed", "dirty"), [(None, False), ("code.py", True), ("results/speed.json", False)]
)
def test_describe_revision_marks_changed_code_and_not_new_results(
    tmp_path: Path, changed: str | None, dirty: bool
) -> None:
    (tmp_path / "results").mkdir()
    for name in ("code.py", "results/speed.json"):
        (tmp_path / name).write_text("before")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for arguments in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "first"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    if changed:
        (tmp_path / changed).write_text("after")
    assert describe_revision(tmp_path / "results").endswith("-dirty") == dirty


def test_describe_revision_outside_a_checkout_is_unknown(tmp_path: Path) -> None:
    assert describe_revision(tmp_path) == "unknown"
