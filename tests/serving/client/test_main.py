"""The command line client, as a person runs it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digits.contract import DRAWING_MAX_BYTES, MODEL_NAME, Problem
from serving.client.__main__ import _split, main
from tests.support.client_doubles import GARBAGE, VERSION, Play, Stage, grpc_double

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def protocol() -> Iterator[tuple[Stage, str]]:
    stage = Stage()
    with grpc_double(stage) as address:
        yield stage, address


@pytest.fixture
def play(protocol: tuple[Stage, str]) -> Play:
    protocol[0].play = Play()
    return protocol[0].play


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files to read: two good ones, one that is no image, one empty, one too large."""
    contents = {
        "three.png": b"123",
        "four.jpg": b"1234",
        "notes.txt": GARBAGE,
        "empty.png": b"",
        "big.png": bytes(DRAWING_MAX_BYTES + 1),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def run(*arguments: str, folder: Path | None = None, **environment: str) -> Done:
    """Run the program in `folder`."""
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-m", "serving.client", *arguments]
    variables = os.environ | {"PYTHONPATH": root} | environment
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder or root,
        env=variables,
    )


def test_predict_never_claims_to_be_quite_sure(
    protocol: tuple[Stage, str], play: Play, folder: Path
) -> None:
    play.changed = {"probabilities": np.eye(10, dtype=np.float32)[[3]]}
    done = run("predict", "three.png", "--server", protocol[1], folder=folder)
    assert done.stdout == "three.png: 3 (>99.9 %)\n"


def test_predict_two_files_are_two_lines_in_order(
    protocol: tuple[Stage, str], play: Play, folder: Path
) -> None:
    done = run("predict", "three.png", "--server", protocol[1], "four.jpg", folder=folder)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "three.png: 3 (91.0 %)\nfour.jpg: 4 (91.0 %)\n",
        "",
    )
    assert play.batches == [2]


def test_predict_bad_files_among_good_ones_are_one_line_each(
    protocol: tuple[Stage, str], play: Play, folder: Path
) -> None:
    files = ["absent.png", "three.png", "notes.txt", "empty.png", "big.png", ".", "four.jpg"]
    done = run("predict", *files, f"--server={protocol[1]}", folder=folder)
    assert done.returncode == 1
    assert done.stdout == "three.png: 3 (91.0 %)\nfour.jpg: 4 (91.0 %)\n"
    errors = done.stderr.splitlines()
    assert (
        errors[0]
        == "absent.png: expected a file that can be read; received: No such file or directory; "
        "check the path"
    )
    assert sorted(line.partition(":")[0] for line in errors) == sorted(
        [".", "absent.png", "big.png", "empty.png", "notes.txt"]
    )
    assert f"notes.txt: {Problem.NOT_AN_IMAGE.sentence}" in errors


def test_predict_names_with_spaces_and_accents_and_none_that_text_can_hold(
    protocol: tuple[Stage, str], play: Play, folder: Path
) -> None:
    names = ["my séven.jpg", os.fsdecode(b"caf\xe9.png"), "七.png"]
    for name in names:
        (folder / name).write_bytes(b"1234567")
    done = run(
        "predict", *names, f"--server={protocol[1]}", folder=folder, PYTHONUTF8="0", LC_ALL="C"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(": 7 (91.0 %)") == len(names)


def test_predict_dash_reads_standard_input(
    protocol: tuple[Stage, str], play: Play, folder: Path
) -> None:
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-m", "serving.client", "predict", "-", f"--server={protocol[1]}"]
    for content, said in ((b"123", "-: 3 (91.0 %)\n"), (b"", "")):
        done = subprocess.run(
            command, input=content, capture_output=True, cwd=root, timeout=60, check=False
        )
        assert done.stdout.decode() == said
        assert b"Traceback" not in done.stderr


def test_predict_without_home_or_a_reader_of_its_answer_ends_without_a_traceback(
    protocol: tuple[Stage, str], play: Play, folder: Path
) -> None:
    root = str(Path(__file__).parents[3])
    files = [str(folder / "three.png")] * 2000
    command = [sys.executable, "-m", "serving.client", "predict", *files]
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    with subprocess.Popen(
        [*command, f"--server={protocol[1]}"],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
    assert (process.wait(60), told) == (141, b"")


def test_predict_drawing_with_a_problem_is_trouble(
    protocol: tuple[Stage, str], play: Play, folder: Path
) -> None:
    done = run("predict", "three.png", "notes.txt", "--server", protocol[1], folder=folder)
    assert (done.returncode, done.stdout) == (1, "three.png: 3 (91.0 %)\n")


def test_predict_drawing_that_is_no_digit_is_told(
    protocol: tuple[Stage, str], play: Play, folder: Path
) -> None:
    play.changed = {"ood_score": np.array([0.1, 0.9], np.float32)}
    done = run("predict", "three.png", "four.jpg", "--server", protocol[1], folder=folder)
    lines = [
        "three.png: 3 (91.0 %)",
        "four.jpg: This does not look like a digit. As one, it would be 4 (91.0 %).",
    ]
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, lines, "")


def test_number_of_several_files_is_a_line_each(
    protocol: tuple[Stage, str], play: Play, folder: Path
) -> None:
    for name, places in (("two.png", (2, 20)), ("none.png", ())):
        image = np.full((40, 60), 255, np.uint8)
        for left in places:
            image[10:30, left : left + 4] = 0
        Image.fromarray(image).save(folder / name)
    done = run(
        "number",
        "two.png",
        "none.png",
        "notes.txt",
        "absent.png",
        "--server",
        protocol[1],
        folder=folder,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"two\.png: [0-9]{2}\n", done.stdout)
    lines = [f"none.png: {Problem.BLANK.sentence}", f"notes.txt: {Problem.NOT_AN_IMAGE.sentence}"]
    assert done.stderr.splitlines()[:2] == lines
    assert play.batches == [2]


def test_number_with_a_mark_that_is_no_digit_tells_which(
    protocol: tuple[Stage, str], play: Play, folder: Path
) -> None:
    play.changed = {"ood_score": np.array([0.9], np.float32)}
    image = np.full((40, 60), 255, np.uint8)
    image[10:30, 5:9] = 0
    Image.fromarray(image).save(folder / "odd.png")
    done = run("number", "odd.png", "--server", protocol[1], folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" (of these, by place, no digits by their looks: 1)\n")


def test_predict_only_unreadable_files_ask_no_server(folder: Path) -> None:
    done = run("predict", "empty.png", "--server", "grpc://127.0.0.1:9", folder=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("empty.png: ")


def test_predict_server_away_is_one_plain_line(folder: Path) -> None:
    done = run("predict", "three.png", "--server", "rest://127.0.0.1:9", folder=folder)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert done.stderr.startswith(
        "python -m serving.client: expected a server at rest://127.0.0.1:9; received"
    )


def test_status_lists_every_version(protocol: tuple[Stage, str], play: Play) -> None:
    play.versions = [(1, "AVAILABLE", ""), (2, "END", "broken weights")]
    done = run("status", INKWELL_CLIENT_SERVER=protocol[1])
    assert (done.returncode, done.stdout) == (
        0,
        "version 2: END broken weights\nversion 1: AVAILABLE\n",
    )


def test_status_unknown_model_is_trouble(protocol: tuple[Stage, str], play: Play) -> None:
    done = run("status", "--server", protocol[1], "--model", "letters")
    assert (done.returncode, done.stdout) == (1, "")
    assert "expected model 'letters'" in done.stderr


def test_wait_available_version_is_named(protocol: tuple[Stage, str], play: Play) -> None:
    done = run("wait", "--timeout", "30", "--server", protocol[1])
    assert (done.returncode, done.stdout) == (
        0,
        f"version {VERSION} is available and keeps the contract\n",
    )


def test_wait_other_model_is_trouble(protocol: tuple[Stage, str], play: Play) -> None:
    play.signatures = {}
    done = run("wait", "--timeout", "0.3", "--server", protocol[1])
    assert done.returncode == 1
    assert "signature 'serving_default' is missing" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "expected one of predict, number, status, wait; received nothing"),
        (["draw"], "expected one of predict, number, status, wait; received draw"),
        (["predict"], "expected files after predict or number and only there"),
        (["status", "seven.png"], "expected files after predict or number and only there"),
        (
            ["status", "--server", "ftp://localhost:8501"],
            "server: expected grpc://host:port or rest://host:port",
        ),
        (["status", "--deadline", "0"], "deadline: expected "),
        (["status", "--verbose"], "unrecognized arguments: --verbose"),
        (["status", "--model"], "expected one argument"),
    ],
)
def test_main_wrong_usage_ends_with_two(
    arguments: list[str],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["client", *arguments])
    with pytest.raises(SystemExit) as ended:
        sys.exit(main())
    shown = capsys.readouterr()
    assert (ended.value.code, shown.out) == (2, "")
    assert text in shown.err


def test_help_names_commands_settings_and_defaults() -> None:
    text = run("--help").stdout
    for words in (
        "predict FILE",
        "status",
        "wait",
        "--server",
        "--model",
        "--deadline",
        "--timeout",
        "in seconds",
        MODEL_NAME,
    ):
        assert words in text


def test_split_words_and_flags_in_any_order_are_parted() -> None:
    assert _split(["--server", "x", "predict", "a,b.png", "--model=m", "-h", "c.png"]) == (
        ["predict", "a,b.png", "c.png"],
        ["--server", "x", "--model=m", "-h"],
    )
