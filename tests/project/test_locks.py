"""The locks in requirements/: hashes and no address, equal versions, one TensorFlow, and what
pyproject asks for."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))
EXTRAS_OF_LOCK: Final = {
    "dev": ("dev", "tensorflow-cpu"),
    "trainer-cpu": ("trainer", "tensorflow-cpu"),
    "trainer-gpu": ("trainer", "tensorflow-gpu"),
    "server": ("server", "tensorflow-cpu"),
    "client": ("number",),
    "ui": ("ui",),
    "demo": ("server", "ui", "tensorflow-cpu"),
    "supply-chain": ("supply-chain",),
}


def _lock_lines(lock: str) -> list[str]:
    """The lock's requirements, each with its hashes on one line, without comments."""
    text = (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")
    return [
        line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")
    ]


def locked(lock: str, machine: str = "x86_64") -> dict[str, str]:
    """Version of each distribution that the lock installs on Linux with Python 3.11, by name."""
    here = {
        "python_version": "3.11",
        "python_full_version": "3.11.9",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    requirements = [Requirement(line.split(" --hash", 1)[0]) for line in _lock_lines(lock)]
    return {
        canonicalize_name(r.name): str(r.specifier).removeprefix("==")
        for r in requirements
        if r.marker is None or r.marker.evaluate(here)
    }


def _direct_requirements(extra: str) -> Iterator[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in map(Requirement, project["optional-dependencies"][extra]):
        if requirement.name == "inkwell":
            for inner in requirement.extras:
                yield from _direct_requirements(inner)
        else:
            yield requirement
    yield from map(Requirement, project["dependencies"])


def test_locks_are_one_for_each_installation() -> None:
    assert set(EXTRAS_OF_LOCK) == set(LOCKS)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_hashes_and_no_address(lock: str) -> None:
    for line in _lock_lines(lock):
        assert re.fullmatch(
            r"[a-z0-9-]+==[A-Za-z0-9.+!]+( ; [^#@\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", line
        ), line[:80]
    assert "://" not in (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_the_versions_of_the_development_lock(lock: str) -> None:
    development = locked("dev")
    assert {
        name: version
        for name, version in locked(lock).items()
        if development.get(name, version) != version
    } == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_satisfies_what_pyproject_asks_for(lock: str) -> None:
    versions = locked(lock)
    for extra in EXTRAS_OF_LOCK[lock]:
        for requirement in _direct_requirements(extra):
            if requirement.marker is None or requirement.marker.evaluate(
                {"platform_machine": "x86_64", "extra": ""}
            ):
                assert versions[canonicalize_name(requirement.name)] in requirement.specifier, (
                    f"{requirement}; run: make lock"
                )


@pytest.mark.parametrize(
    ("lock", "machine", "framework"),
    [
        ("dev", "x86_64", "tensorflow-cpu"),
        ("demo", "x86_64", "tensorflow-cpu"),
        ("server", "x86_64", "tensorflow-cpu"),
        ("trainer-cpu", "x86_64", "tensorflow-cpu"),
        ("server", "aarch64", "tensorflow"),
        ("trainer-gpu", "x86_64", "tensorflow"),
        ("ui", "x86_64", None),
        ("client", "x86_64", None),
    ],
)
def test_lock_installs_tensorflow_once_or_not_at_all(
    lock: str, machine: str, framework: str | None
) -> None:
    found = {
        name
        for name in locked(lock, machine)
        if name in ("tensorflow", "tensorflow-cpu", "tensorflow-intel")
    }
    assert found == ({framework} if framework else set())
    assert any(name.startswith("nvidia-") for name in locked(lock, machine)) == (
        lock == "trainer-gpu"
    )


SUPPORTED: Final = ("3.11", "3.12", "3.13")


def _resolve(lock: Path, python: str, platform: str) -> subprocess.CompletedProcess[str]:
    """Find a file for another machine for every package of the lock, in the package index; install
    nothing. Hashes are compared at the download, which this leaves out."""
    options = [
        "--dry-run",
        "--no-config",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        f"--python-version={python}",
        f"--python-platform={platform}",
        f"--target={lock.parent}",
    ]
    command = [sys.executable, "-m", "uv", "pip", "install", *options, "--requirement", str(lock)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("platform", ["aarch64-unknown-linux-gnu", "aarch64-apple-darwin"])
@pytest.mark.parametrize("python", SUPPORTED)
def test_demo_lock_resolves_for_each_python_and_processor(
    python: str, platform: str, tmp_path: Path
) -> None:
    lock = tmp_path / "demo.txt"
    lock.write_text((ROOT / "requirements/demo.txt").read_text(encoding="utf-8"), encoding="utf-8")
    done = _resolve(lock, python, platform)
    assert done.returncode == 0, done.stderr
    assert "tensorflow==" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("python", SUPPORTED)
def test_lock_resolves_for_each_python(lock: str, python: str, tmp_path: Path) -> None:
    copy = tmp_path / f"{lock}.txt"
    text = (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")
    copy.write_text(text, encoding="utf-8")
    done = _resolve(copy, python, "x86_64-unknown-linux-gnu")
    assert done.returncode == 0, done.stderr


def test_lock_that_lacks_a_python_is_noticed(tmp_path: Path) -> None:
    """TensorFlow 2.16 has no files for Python 3.13."""
    lock = tmp_path / "broken.txt"
    lock.write_text(f"tensorflow==2.16.1 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    assert _resolve(lock, "3.13", "aarch64-unknown-linux-gnu").returncode != 0


def test_python_versions_are_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = SpecifierSet(project["requires-python"])
    minors = [f"3.{minor}" for minor in range(8, 20)]
    assert tuple(minor for minor in minors if f"{minor}.5" in wanted) == SUPPORTED
    for minor in SUPPORTED:
        assert f"Programming Language :: Python :: {minor}" in project["classifiers"]


def test_cuda_figures_told_are_those_of_the_gpu_lock() -> None:
    versions = locked("trainer-gpu")
    cuda = ".".join(versions["nvidia-cuda-runtime-cu12"].split(".")[:2])
    cudnn = versions["nvidia-cudnn-cu12"].split(".")[0]
    told = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    assert f"CUDA {cuda} and cuDNN {cudnn}" in told
    assert f"CUDA {cuda}." in (ROOT / "tools/doctor_gpu.py").read_text(encoding="utf-8")
