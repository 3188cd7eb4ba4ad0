"""The locks in requirements/: hashes and no address, equal versions, one TensorFlow, and what
pyproject asks for."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))
EXTRAS_OF_LOCK: Final = {
    "dev": ("dev", "tensorflow-cpu"),
    "trainer-cpu": ("trainer", "tensorflow-cpu"),
    "trainer-gpu": ("trainer", "tensorflow-gpu"),
    "server": ("server", "tensorflow-cpu"),
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
