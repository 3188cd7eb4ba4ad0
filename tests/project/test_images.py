"""The Dockerfiles and Compose files, read."""

import re
from pathlib import Path
from typing import Final

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

ROOT: Final = Path(__file__).parents[2]


def _stages(dockerfile: str) -> dict[str, list[str]]:
    """The instructions of each stage, comments left out and continued lines joined."""
    text = "\n".join(
        line
        for line in (ROOT / dockerfile).read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("#")
    )
    stages: dict[str, list[str]] = {"": []}
    for instruction in filter(None, re.sub(r"\\\n\s*", "", text).splitlines()):
        stage = re.fullmatch(r"FROM \S+ AS (\S+)", instruction)
        stages.setdefault(stage[1] if stage else list(stages)[-1], []).append(instruction)
    return stages


def test_dockerfiles_differ_only_where_they_must() -> None:
    cpu, gpu = _stages("Dockerfile.cpu"), _stages("Dockerfile.gpu")
    assert list(gpu) == ["", "packages", "trainer-packages", "runtime", "trainer"]
    only_cpu = [line for stage in gpu for line in cpu[stage] if line not in gpu[stage]]
    only_gpu = [line for stage in gpu for line in gpu[stage] if line not in cpu[stage]]
    assert [line.replace("cpu", "gpu") for line in only_cpu if "COPY" in line] == [
        line for line in only_gpu if "COPY" in line
    ]
    assert [line.split()[0] for line in only_cpu] == ["COPY", "LABEL"]
    assert [line for line in only_gpu if not line.startswith(("COPY", "LABEL"))] == [
        "ENV INKWELL_DEVICE=gpu",
        "ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    ]


@pytest.mark.parametrize("dockerfile", ["Dockerfile.cpu", "Dockerfile.gpu"])
def test_dockerfile_images_are_locked_and_without_privileges(dockerfile: str) -> None:
    stages = _stages(dockerfile)
    assert "USER 10001:10001" in stages["runtime"]
    assert sum(
        "pip" in line and "--require-hashes" in line for lines in stages.values() for line in lines
    ) == sum(name.endswith("-packages") for name in stages)
    for name in stages.keys() - {"", "packages", "runtime"}:
        if not name.endswith("-packages"):
            assert stages[name][0] == f"FROM runtime AS {name}"
            assert any(line.startswith('ENTRYPOINT ["python", "-m", ') for line in stages[name])
            assert not any(line.startswith(("USER", "RUN")) for line in stages[name])


@pytest.mark.parametrize("dockerfile", ["Dockerfile.cpu", "Dockerfile.gpu"])
def test_dockerfile_copies_what_exists_and_is_not_ignored(dockerfile: str) -> None:
    sent = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    sources = [
        line.split()[1]
        for lines in _stages(dockerfile).values()
        for line in lines
        if re.match(r"COPY (?!--from)", line)
    ]
    assert sources
    assert {
        source
        for source in sources
        if not (ROOT / source).exists() or source.split("/")[0] not in sent
    } == set()


@pytest.mark.parametrize("dockerfile", ["Dockerfile.cpu", "Dockerfile.gpu"])
def test_dockerfile_sources_come_after_the_packages_and_what_changes_with_every_commit_comes_last(
    dockerfile: str,
) -> None:
    for name, lines in _stages(dockerfile).items():
        if any("/app/" in line for line in lines):
            order = [
                next(i for i, line in enumerate(lines) if part in line)
                for part in ("/opt/venv", "/app/", "ARG REVISION", "LABEL ")
            ]
            assert order == sorted(order), name


def test_base_image_is_one_variable_with_one_default() -> None:
    default = "docker.io/library/python:3.11-slim-bookworm"
    for dockerfile in ("Dockerfile.cpu", "Dockerfile.gpu"):
        assert _stages(dockerfile)[""] == [f"ARG BASE={default}"]
        assert {
            line
            for lines in _stages(dockerfile).values()
            for line in lines
            if line.startswith("FROM ") and "$" in line
        } == {
            "FROM ${BASE} AS packages",
            "FROM ${BASE} AS runtime",
        }
    for keys in _compose("compose.yaml", "compose.embedded.yaml").values():
        if isinstance(build := keys.get("build"), dict):
            assert build["args"]["BASE"] == f"${{BASE_IMAGE:-{default}}}"


def _compose(*files: str) -> dict[str, dict[str, object]]:
    """Services of the first file, with each further file's keys laid over them (lists replaced,
    enough for these tests)."""
    services: dict[str, dict[str, object]] = {}
    for file in files:
        for name, keys in yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))[
            "services"
        ].items():
            services.setdefault(name, {}).update(keys)
    return services


def test_compose_publishes_only_the_page_and_only_here() -> None:
    published = {
        name: keys["ports"] for name, keys in _compose("compose.yaml").items() if "ports" in keys
    }
    assert published == {"page": ["127.0.0.1:${PAGE_PORT:-7860}:7860"]}


@pytest.mark.parametrize(
    "overlay",
    [
        None,
        "compose.embedded.yaml",
        "compose.batching.yaml",
        "compose.gpu.yaml",
        "compose.ports.yaml",
    ],
)
def test_compose_services_are_locked_down(overlay: str | None) -> None:
    for name, keys in _compose("compose.yaml", *([overlay] if overlay else [])).items():
        assert keys["read_only"] is True and keys["init"] is True, name
        assert keys["cap_drop"] == ["ALL"] and keys["security_opt"] == ["no-new-privileges:true"], (
            name
        )
        assert keys["mem_limit"] and keys["pids_limit"], name


def test_compose_builds_targets_that_the_dockerfiles_have() -> None:
    for keys in _compose("compose.yaml", "compose.embedded.yaml").values():
        build = keys.get("build")
        if isinstance(build, dict):
            assert build["target"] in _stages(build["dockerfile"])
