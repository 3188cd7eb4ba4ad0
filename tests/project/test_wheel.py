"""The wheel: it holds every file of the packages, and is a client one can install where nothing
else is."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.support.released_server import draw_seven, serve_released

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("digits", "inkwell", "saved_model", "serving", "trainer", "ui")
NOT_INSTALLED: Final = 3


def run(
    command: list[str | Path], folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program in `folder`, with no variable of Python's and none of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        command,
        cwd=folder,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def tracked() -> set[str]:
    """Files of the packages in this checkout, the new ones too."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.splitlines() if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since a build leaves folders behind."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in {*tracked(), "pyproject.toml", "README.md", "LICENSE"}:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    options = ["--no-build-isolation", "--no-deps", "--quiet", f"--wheel-dir={target}"]
    done = run([sys.executable, "-m", "pip", "wheel", *options, str(source)], source)
    assert done.returncode == 0, done.stderr
    [built] = target.glob("inkwell-*.whl")
    return built


def test_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
    assert inside == tracked() - {"serving/tensorflow_serving/kustomization.yaml"}
    assert len(licences) == 1


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scripts of an environment that holds `inkwell[number]` and what it asks for, as the index has
    it now."""
    folder = tmp_path_factory.mktemp("environment")
    uv: list[str | Path] = [sys.executable, "-m", "uv", "--no-config"]
    made = run([*uv, "venv", "--quiet", "--python", sys.executable, folder / "env"], folder)
    assert made.returncode == 0, made.stderr
    python = folder / "env/bin/python"
    wanted = f"inkwell[number] @ {wheel.as_uri()}"
    done = run([*uv, "pip", "install", "--quiet", "--python", python, wanted], folder)
    assert done.returncode == 0, done.stderr
    return python.parent


@pytest.mark.slow
def test_installed_client_reads_a_drawing_without_tensorflow(
    environment: Path, tmp_path: Path
) -> None:
    (tmp_path / "my séven.png").write_bytes(draw_seven())
    with serve_released() as (grpc, rest):
        for server in (f"grpc://127.0.0.1:{grpc}", f"rest://127.0.0.1:{rest}"):
            for command in ("predict", "number"):
                done = run(
                    [environment / "inkwell", command, "my séven.png", f"--server={server}"],
                    tmp_path,
                )
                assert done.returncode == 0, done.stderr
                assert done.stdout.startswith("my séven.png: 7")
    absent = run([environment / "python", "-c", "import tensorflow"], tmp_path)
    assert absent.returncode != 0


@pytest.mark.slow
def test_installed_client_is_typed(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import serving.client\n\n"
        'with serving.client.connect("grpc://localhost:8500") as client:\n'
        '    answer: int = client.read([b"png"])[0].label\n'
    )
    command = [sys.executable, "-m", "mypy", f"--python-executable={environment / 'python'}"]
    done = run([*command, "--config-file=", "mine.py"], tmp_path)
    assert 'expression has type "str", variable has type "int"' in done.stdout
    assert "py.typed" not in done.stdout


@pytest.mark.slow
def test_installed_command_without_the_packages_of_a_program_says_what_to_install(
    environment: Path, tmp_path: Path
) -> None:
    done = run([environment / "inkwell", "train"], tmp_path)
    assert done.returncode == NOT_INSTALLED
    [line] = done.stderr.splitlines()
    assert "install them: pip install 'inkwell[trainer,tensorflow-cpu]'" in line


@pytest.mark.slow
def test_installed_versions_lists_folders(environment: Path, tmp_path: Path) -> None:
    done = run([environment / "inkwell", "versions", f"--models={ROOT / 'models'}"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "conv3" in done.stdout
