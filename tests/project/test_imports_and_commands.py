"""The ground everything stands on: the import table, the Makefile, the commands that documents
name."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Rule:
    """What one package may import besides the standard library and itself, and what must never come
    along."""

    may: frozenset[str]
    never: frozenset[str]


def _rule(may: str, never: str) -> Rule:
    return Rule(frozenset(may.split()), frozenset(never.split()))


RULES: Final = {
    "digits": _rule(
        "numpy pydantic pydantic_settings", "tensorflow keras grpc gradio trainer serving ui"
    ),
    "saved_model": _rule(
        "digits tensorflow tensorflow_serving.apis google.protobuf", "trainer serving ui gradio"
    ),
    "trainer": _rule(
        "digits saved_model numpy pydantic tensorflow keras tensorflow_serving.apis "
        "google.protobuf matplotlib scipy sklearn PIL HersheyFonts",
        "serving ui gradio",
    ),
    "serving.client": _rule(
        "digits numpy pydantic grpc google.protobuf httpx PIL",
        "tensorflow keras tensorflow_serving trainer ui gradio serving.server",
    ),
    "serving.server": _rule(
        "digits saved_model numpy pydantic tensorflow tensorflow_serving.apis "
        "tensorflow_serving.config grpc "
        "grpc_health grpc_reflection "
        "google.protobuf httptools starlette uvicorn prometheus_client",
        "trainer ui gradio serving.client",
    ),
    "serving.release": _rule(
        "digits saved_model serving.server numpy pydantic tensorflow tensorflow_serving.apis "
        "google.protobuf",
        "trainer ui gradio serving.client",
    ),
    "inkwell": _rule("digits pydantic", "numpy tensorflow keras grpc gradio trainer serving ui"),
    "ui": _rule(
        "digits serving.client numpy pydantic gradio fastapi starlette uvicorn PIL",
        "tensorflow keras tensorflow_serving trainer serving.server",
    ),
}
"""DESIGN's table, with the well-kept libraries each package was given."""


def _modules(package: str) -> list[Path]:
    return sorted((ROOT / package.replace(".", "/")).rglob("*.py"))


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _imports(path: Path) -> Iterator[str]:
    """Every module named by an import anywhere in the file, inside functions too; `from a import b`
    gives `a` and `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path.name}: imports are written in full"
            yield node.module if node.module.count(".") else f"{node.module}.{node.names[0].name}"


@pytest.mark.parametrize("package", RULES)
def test_imports_of_each_package_are_those_of_the_table(package: str) -> None:
    allowed = {*RULES[package].may, package, *sys.stdlib_module_names}
    outside = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in _modules(package)
        for name in _imports(path)
        if not any(_within(name, permitted) for permitted in allowed)
    }
    assert outside == set()


ROOMS: Final = {
    "trainer": "data preprocessing networks freehand evaluation training export reports",
    "serving.client": "transport number",
    "serving.server": "models codecs inference monitoring rest grpc",
    "ui": "answers markup web",
}
"""The folders of a package, lowest first: a folder imports only those before it."""


@pytest.mark.parametrize("package", ROOMS)
def test_imports_of_a_folder_are_of_the_folders_below_it(package: str) -> None:
    rooms = ROOMS[package].split()
    top = ROOT / package.replace(".", "/")
    assert {path.name for path in top.iterdir() if any(path.glob("*.py"))} == set(rooms)
    upward = {
        f"{path.relative_to(ROOT)} imports {name}"
        for number, room in enumerate(rooms)
        for path in (top / room).rglob("*.py")
        for name in _imports(path)
        if any(_within(name, f"{package}.{above}") for above in rooms[number + 1 :])
    }
    assert upward == set()


def test_imports_of_the_command_are_of_the_standard_library() -> None:
    command = ROOT / "inkwell" / "__main__.py"
    assert {name.split(".")[0] for name in _imports(command)} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("package", RULES)
def test_imports_in_a_fresh_process_bring_nothing_forbidden(package: str) -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in _modules(package)
    ]
    script = (
        f"import importlib, sys\nfor name in {names!r}: "
        "importlib.import_module(name)\nprint(*sys.modules)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    loaded = finished.stdout.splitlines()[-1].split()
    assert package in loaded
    assert [
        name
        for name in loaded
        if any(_within(name, forbidden) for forbidden in RULES[package].never)
    ] == []


def _make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make with nothing but a path in the environment, so that no variable of this machine
    counts."""
    variables = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=300, check=False
    )


def _public_targets() -> set[str]:
    declared = re.search(
        r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert declared
    return set(declared[1].split())


def _listed(finished: subprocess.CompletedProcess[str]) -> set[str]:
    assert finished.returncode == 0, finished.stderr
    lines = [line.split(maxsplit=1) for line in finished.stdout.splitlines()]
    assert all(len(line) == 2 for line in lines)
    return {line[0] for line in lines}


def test_make_help_all_lists_every_public_target() -> None:
    assert _listed(_make("help-all")) == _public_targets()


def test_make_alone_lists_a_dozen_targets_and_the_way_to_the_others() -> None:
    listed = _listed(_make())
    assert listed == _listed(_make("help"))
    assert {"demo", "train", "train-gpu", "serve", "predict", "test", "help-all"} <= listed
    assert len(listed) <= 15


def test_make_rules_are_public_targets_or_files() -> None:
    rules = re.findall(
        r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert set(rules) == _public_targets()


@pytest.mark.parametrize(
    ("target", "instead"),
    [
        ("train-gpu", "make train"),
        ("train-cpu", "make train"),
        ("serve", "make serve-embedded"),
        ("up", "make demo"),
    ],
)
def test_make_without_a_container_engine_names_what_works(target: str, instead: str) -> None:
    finished = _make(target, "COMPOSE=")
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert (
        "No container engine with Compose answers" in finished.stderr and instead in finished.stderr
    )
    assert len(finished.stderr.splitlines()) == 1


@pytest.mark.skipif(
    any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg")),
    reason="this machine has a GPU",
)
def test_make_train_gpu_without_a_gpu_is_refused_before_anything_is_built() -> None:
    finished = _make("train-gpu", "COMPOSE=false")
    assert finished.returncode == 2
    assert (
        "No NVIDIA GPU is visible on this machine; train without one: make train-cpu"
        in finished.stderr
    )


def _make_elsewhere(folder: Path, *arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder with the Makefile and an empty lock, so that no environment is there
    yet."""
    (folder / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    (folder / "requirements").mkdir()
    (folder / "requirements/demo.txt").touch()
    return subprocess.run(
        ["make", "--directory", str(folder), *arguments],
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _pythons(folder: Path, **versions: str) -> str:
    """A PATH whose programs of these names say yes to what make asks only if they are the given
    version of Python."""
    folder.mkdir()
    for name, version in versions.items():
        script = (
            f"#!{sys.executable}\nimport sys\nsys.version_info = ({version.replace('.', ',')}, 0)\n"
            'exec(sys.argv[2]) if sys.argv[1] == "-c" else print("making", sys.argv)\n'
        )
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_make_without_a_supported_python_says_so(tmp_path: Path) -> None:
    finished = _make_elsewhere(tmp_path, "demo", "PYTHON=", path=os.environ["PATH"])
    assert finished.returncode == 2
    assert "Python 3.11 to 3.13 is needed and was not found" in finished.stderr


@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_make_with_an_unsupported_python_named_says_so(version: str, tmp_path: Path) -> None:
    path = _pythons(tmp_path / "bin", mine=version)
    finished = _make_elsewhere(tmp_path, "demo", "PYTHON=mine", path=path)
    assert finished.returncode == 2
    assert "Python 3.11 to 3.13 is needed; mine is not; name another" in finished.stderr


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_make_takes_each_supported_python(version: str, tmp_path: Path) -> None:
    """Also under the name `python3`, where those before it are too old or absent."""
    names = {f"python3.{minor}": "3.10" for minor in (11, 12, 13)}
    path = _pythons(tmp_path / "bin", **names, python3=version)
    finished = _make_elsewhere(tmp_path, "--dry-run", "demo", path=path)
    assert finished.returncode == 0, finished.stderr
    assert "python3 -m venv .venv" in finished.stdout


def test_make_predict_without_a_file_says_how() -> None:
    finished = _make("predict", "--old-file=.venv/.demo", "--assume-old=.venv/pyvenv.cfg")
    assert finished.returncode == 2
    assert "make predict FILE=digit.png" in finished.stderr


def test_make_predict_passes_the_name_of_a_file_whole(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    (tmp_path / ".venv/bin").mkdir(parents=True)
    python = tmp_path / ".venv/bin/python"
    python.write_text('#!/bin/sh\nfor word in "$@"; do echo "<$word>"; done\n')
    python.chmod(0o755)
    name = "my séven's.jpg"
    finished = subprocess.run(
        ["make", "--directory", str(tmp_path), "--old-file=.venv/.client", "predict"],
        env={"PATH": os.environ["PATH"], "FILE": name},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"<predict>\n<{name}>\n<--server>" in finished.stdout, finished.stderr


DOCUMENTS: Final = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_document_commands_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL))
    targets = set(re.findall(r"(?:^|[`\s])make ([a-z][a-z-]*)", code))
    assert targets <= _public_targets()
    modules = {
        name
        for name in re.findall(r"python -m ([a-z_.]+)", code)
        if name.split(".")[0] in (*RULES, "serving", "benchmarks", "tools")
    }
    missing = {
        name
        for name in modules
        if not any(
            (ROOT / f"{name.replace('.', '/')}{end}").is_file() for end in (".py", "/__main__.py")
        )
    }
    assert missing == set()


def test_pre_commit_and_ci_run_what_make_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][
        0
    ]["hooks"]
    assert [hook["entry"] for hook in hooks] == ["make lint"]
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert re.findall(r"make [a-z-]+$", script, flags=re.MULTILINE) == ["make lint", "make test"]


def test_ci_tests_every_python_that_is_promised_where_the_machine_has_it() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    loops = re.findall(r"for python in (.*); do", script)
    promised = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert len(loops) == 2 and len(promised) == 3
    for loop in loops:
        assert {f"python{version}" for version in promised} <= set(loop.split())
    (tests,) = re.findall(r'ARGS="(.*)"', script)
    assert [path for path in tests.split() if not (ROOT / path).exists()] == []
