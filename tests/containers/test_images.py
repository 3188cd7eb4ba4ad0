"""What is in the images, and what is not."""

import json
from typing import Any

import pytest

from tests.containers.conftest import BuildOptions
from tests.containers.engine import Engine

pytestmark = pytest.mark.containers
IMAGES = ("trainer_image", "server_image", "ui_image")
_WITHOUT_TENSORFLOW = 1 / 3
"""Most that the page's image may add to the base, as a share of what the trainer's adds."""


@pytest.fixture(params=IMAGES)
def image(request: pytest.FixtureRequest) -> str:
    name: str = request.getfixturevalue(request.param)
    return name


def inspect(engine: Engine, image: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(engine("image", "inspect", image))[0]
    return facts


def in_image(engine: Engine, image: str, code: str) -> str:
    """What Python code prints inside the image."""
    return engine("run", "--rm", "--network=none", "--entrypoint=python", image, "-c", code).strip()


def test_image_says_what_it_is_and_runs_as_a_fixed_user(
    engine: Engine, image: str, build_options: BuildOptions
) -> None:
    config = inspect(engine, image)["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"][:2] == ["python", "-m"]
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in config["Labels"].items()
    }
    assert labels["title"].startswith("Inkwell") and labels["description"]
    assert labels["base.name"] == build_options.base
    assert labels["version"] and labels["revision"]


@pytest.mark.parametrize(
    ("name", "signal", "healthcheck"),
    [("trainer_image", "SIGINT", False), ("server_image", "", True), ("ui_image", "", True)],
)
def test_image_has_its_stop_signal_and_health_check(
    name: str, signal: str, healthcheck: bool, engine: Engine, request: pytest.FixtureRequest
) -> None:
    facts = inspect(engine, request.getfixturevalue(name))
    assert facts["Config"].get("StopSignal", "") in (signal, signal or "SIGTERM")
    assert ("Healthcheck" in facts) == healthcheck


def test_image_has_no_build_tools_and_no_installer_of_its_own(engine: Engine, image: str) -> None:
    tools = "('cc', 'gcc', 'g++', 'make', 'cmake', 'git', 'curl', 'wget')"
    found = f"[tool for tool in {tools} if shutil.which(tool)]"
    installers = "[folder for folder in site.getsitepackages() if os.path.exists(folder + '/pip')]"
    assert (
        in_image(engine, image, f"import os, shutil, site; print({found}, {installers})") == "[] []"
    )


def test_image_of_the_page_is_without_tensorflow_and_far_smaller_than_the_trainers(
    engine: Engine, ui_image: str, trainer_image: str, build_options: BuildOptions
) -> None:
    code = (
        "import importlib.util as u; print([n for n in ('tensorflow', 'keras', 'trainer', "
        "'serving.server') if u.find_spec(n)])"
    )
    assert in_image(engine, ui_image, code) == "[]"
    base, page, trainer = (
        inspect(engine, image)["Size"] for image in (build_options.base, ui_image, trainer_image)
    )
    assert page - base < _WITHOUT_TENSORFLOW * (trainer - base)


def test_image_layers_of_packages_come_before_those_of_sources(engine: Engine, image: str) -> None:
    made = [step.get("created_by", "") for step in inspect(engine, image)["History"]]
    packages = next(i for i, step in enumerate(made) if "/opt/venv" in step and "COPY" in step)
    sources = [i for i, step in enumerate(made) if "/app/" in step and "COPY" in step]
    assert sources and packages < min(sources)
