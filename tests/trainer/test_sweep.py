from pathlib import Path

import pytest

from tests.support.trainer_runs import made_up_run
from trainer.sweep import commands, compose, interval, main


def test_commands_of_a_recipe_with_teachers_train_all_teachers_first() -> None:
    typed = [
        " ".join(command)
        for command in commands("distilled", [1, 2], Path("runs"), ["--architectures", "conv3"])
    ]
    assert [line.split("--recipe ")[1].split()[0] for line in typed] == [
        "best",
        "best",
        "distilled",
        "distilled",
    ]
    assert all(
        "--publish none" in line and line.endswith("--architectures conv3") for line in typed
    )
    assert all("--teachers runs/best-seed1,runs/best-seed2" in line for line in typed[2:])
    assert "--seed 2 --run_dir runs/distilled-seed2" in typed[3]


def test_commands_without_teachers_train_the_seeds() -> None:
    assert [
        command[command.index("--seed") + 1]
        for command in commands("notebook", [3, 5], Path("r"), [])
    ] == ["3", "5"]


def test_main_stops_at_the_first_training_that_fails_and_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    called: list[list[str]] = []

    def call(command: list[str]) -> int:
        called.append(command)
        return 4

    assert main(["--seeds", "1,2", "--recipe", "quick", "--runs", str(tmp_path)], call) == 4
    assert len(called) == 1 and called[0][1:3] == ["-m", "trainer"]
    assert "the same command goes on there" in capsys.readouterr().err


def test_main_passes_what_is_not_its_own_on_to_each_training(tmp_path: Path) -> None:
    called: list[list[str]] = []

    def call(command: list[str]) -> int:
        called.append(command)
        return 0

    settings = tmp_path / "settings.toml"
    settings.write_text("learning_rate = 0.5\n")
    flags = ["--epochs", "3", "--precision=float32", "--no-invert"]
    given = ["--recipe", "quick", *flags, "--seeds=2,1,2", f"--config={settings}"]
    assert main([*given, "--runs", str(tmp_path)], call) == 0
    assert [command[command.index("--seed") + 1] for command in called] == ["2", "1"]
    assert all(command[-6:] == [*flags, "--config", str(settings)] for command in called)


@pytest.mark.parametrize("wrong", [["--seeds", "one"], ["--recipe", "fine-tune"], ["--runs"]])
def test_main_refuses_what_it_cannot_use_with_exit_code_2(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong, lambda command: 0)
    assert ended.value.code == 2
    assert wrong[0].strip("-") in capsys.readouterr().err


def test_main_prints_the_finished_runs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for seed, wrong in ((1, 30), (2, 40)):
        folder = tmp_path / f"notebook-seed{seed}"
        folder.mkdir()
        (folder / "metrics.json").write_text(made_up_run(seed=seed, wrong=wrong).model_dump_json())
    assert (
        main(["--seeds", "1,2,3", "--recipe", "notebook", "--runs", str(tmp_path), "--only_print"])
        == 0
    )
    printed = capsys.readouterr()
    assert "99.650% ± 0.071%" in printed.out
    assert "seed 3 has not finished" in printed.err


def test_interval_is_students() -> None:
    assert (
        interval([0.99, 0.992]) == "97.829% to 100.371%"
    )  # 12.706 · 0.001414 / √2 on either side of 0.991
    assert interval([0.99]) == "–"


def test_compose_of_nothing_says_so() -> None:
    assert compose([]) == "No run has finished yet."
