"""compose.yaml with the embedded server, brought up by podman-compose as a user would bring it
up."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.conftest import ROOT, BuildOptions
from tests.containers.engine import Engine, EngineError
from tests.containers.page import ask_patiently, wait_for_page
from tests.support.ports import free_port

pytestmark = pytest.mark.containers
_COMPOSE = Path(sys.executable).with_name("podman-compose")
_TIMEOUT = 900.0


class Project:
    """One project of podman-compose over our files."""

    def __init__(self, engine: Engine, options: BuildOptions) -> None:
        self.name = f"inkwell-{engine.run_id}"
        self.page_port = free_port()
        self._command = [
            *(
                str(_COMPOSE),
                f"--podman-path={engine.program}",
                f"--project-name={self.name}",
                "--in-pod=false",
            ),
            *(
                f"--podman-build-args={' '.join(options.rest)}",
                "--file=compose.yaml",
                "--file=compose.embedded.yaml",
            ),
        ]
        self._environment = {
            **os.environ,
            "BASE_IMAGE": options.base,
            "PAGE_PORT": str(self.page_port),
        }

    def __call__(self, *arguments: str) -> None:
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        if done.returncode != 0:
            raise EngineError(
                f"podman-compose {' '.join(arguments)} ended with "
                f"{done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}"
            )


@pytest.fixture(scope="module")
def project(
    engine: Engine, build_options: BuildOptions, server_image: str, ui_image: str
) -> Iterator[Project]:
    """The whole of it, up. The images are asked for so that their layers are there to build
    from."""
    assert server_image and ui_image
    project = Project(engine, build_options)
    project("build", "serving", "wait", "page")
    try:
        project("up", "--detach", "--no-build")
        wait_for_page(f"http://127.0.0.1:{project.page_port}", _TIMEOUT)
        yield project
    finally:
        project("down", "--timeout=30")


def test_compose_page_reads_a_drawing_with_the_released_model(
    project: Project, seven: bytes
) -> None:
    assert "Looks like <strong>7</strong>" in ask_patiently(
        f"http://127.0.0.1:{project.page_port}", seven
    )


def test_compose_publishes_the_page_alone(project: Project, engine: Engine) -> None:
    names = engine(
        "ps", "--format={{.Names}}", f"--filter=label=com.docker.compose.project={project.name}"
    ).split()
    published = {
        name.rpartition("_")[0].rpartition("_")[2]: engine("port", name).strip() for name in names
    }
    assert published == {"serving": "", "page": f"7860/tcp -> 127.0.0.1:{project.page_port}"}


def test_compose_services_are_locked_down_where_they_run(project: Project, engine: Engine) -> None:
    for service in ("serving", "page"):
        name = f"{project.name}_{service}_1"
        facts = engine(
            "inspect",
            "--format={{.HostConfig.ReadonlyRootfs}} {{.EffectiveCaps}} {{.HostConfig.Memory}}",
            name,
        )
        read_only, capabilities, memory = facts.split()
        assert (read_only, capabilities) == ("true", "[]")
        assert int(memory) > 0
