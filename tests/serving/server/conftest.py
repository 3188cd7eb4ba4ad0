"""Published toy versions, and servers in this process that serve them."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.server.server import Server
from serving.server.settings import ServerSettings
from tests.support.ports import free_port
from tests.support.server_fixtures import Export, Protocols, Publish, StartServer, Toys


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Toys:
    """Toy versions, each exported once."""
    return Toys(tmp_path_factory.mktemp("toys"))


@pytest.fixture(scope="session")
def export(toys: Toys) -> Export:
    """The SavedModel of a fingerprint."""
    return toys.export


@pytest.fixture(scope="session")
def publish(toys: Toys) -> Publish:
    """Publish a version with a fingerprint; `warm_up_signature` goes into its warm-up request."""
    return toys.publish


@pytest.fixture(scope="session")
def toy_base(publish: Publish, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with version 1, fingerprint 3. Shared: read only."""
    base = tmp_path_factory.mktemp("models") / "digits"
    publish(base, 3)
    return base


@pytest.fixture
def ports() -> tuple[int, int]:
    """Two ports nobody listens on."""
    return free_port(), free_port()


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start a server in this process; settings as keywords. It is drained after the test."""
    running: list[tuple[Server, Protocols]] = []

    def start(**changes: object) -> Protocols:
        values = {
            "port": free_port(),
            "rest_api_port": free_port(),
            "file_system_poll_wait_seconds": 0.05,
            **changes,
        }
        settings = ServerSettings.model_validate(values)
        server = Server(settings)
        server.load()
        server.start()
        running.append((server, Protocols(settings.port, settings.rest_api_port)))
        return running[-1][1]

    yield start
    for server, protocols in running:
        protocols.close()
        server.drain(5)


@pytest.fixture(scope="module")
def protocols(toy_base: Path) -> Iterator[Protocols]:
    """A server with one version (number 1, fingerprint 3) and small limits, shared by a module."""
    settings = ServerSettings(
        model_base_path=toy_base,
        port=free_port(),
        rest_api_port=free_port(),
        file_system_poll_wait_seconds=0,
        max_batch_items=64,
        max_message_bytes=1 << 20,
        rest_max_body_bytes=1 << 20,
    )
    server = Server(settings)
    server.load()
    server.start()
    protocols = Protocols(settings.port, settings.rest_api_port)
    yield protocols
    protocols.close()
    server.drain(5)


@pytest.fixture
def start_program(toy_base: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `python -m serving.server` on two ports; it is killed after the test if it still
    runs."""
    started: list[subprocess.Popen[str]] = []

    def start(ports: tuple[int, int], *more: str) -> subprocess.Popen[str]:
        flags = [
            f"--model_base_path={toy_base}",
            f"--port={ports[0]}",
            f"--rest_api_port={ports[1]}",
            *more,
        ]
        program = subprocess.Popen(
            [sys.executable, "-m", "serving.server", *flags], stderr=subprocess.PIPE, text=True
        )
        started.append(program)
        return program

    yield start
    for program in started:
        program.kill()
        program.communicate()
