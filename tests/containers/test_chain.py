"""From a training to an answer on the page, each program in its own container, as a user that no
image knows."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from digits.contract import Problem
from digits.manifest import verify
from digits.store import versions
from serving.client import connect
from tests.containers.conftest import Serve
from tests.containers.engine import Container, Engine
from tests.containers.page import ask_page, wait_for_page

pytestmark = pytest.mark.containers
_START = 120.0
NO_GPU = 5


@pytest.fixture(scope="module")
def page(
    engine: Engine, ui_image: str, as_user: tuple[str, ...], network: str, server: Container
) -> Iterator[Container]:
    """A page that asks whichever server is `serving`; the fixture `server` is the first."""
    options = [*as_user, f"--network={network}", "--publish=127.0.0.1::7860"]
    with engine.running(ui_image, "--server", "grpc://serving:8500", options=options) as container:
        wait_for_page(address_of(container), _START)
        yield container


def address_of(page: Container) -> str:
    return f"http://127.0.0.1:{page.port(7860)}"


def test_trainer_publishes_a_version_that_verifies_and_is_its_users(
    trained: tuple[Path, str], user: int
) -> None:
    folder, _ = trained
    assert versions(folder) == [1]
    assert verify(folder / "1").architecture == "conv3"
    assert {path.stat().st_uid for path in folder.rglob("*")} == {user}


@pytest.mark.parametrize("protocol", ["grpc://127.0.0.1:8500", "rest://127.0.0.1:8501"])
def test_drawing_from_outside_is_read(
    protocol: str, server: Container, seven: bytes, read_here: str
) -> None:
    address, _, inside = protocol.rpartition(":")
    with connect(f"{address}:{server.port(int(inside))}", deadline=60) as client:
        [drawing] = client.read([seven])
    assert (drawing.label, drawing.problem) == (read_here, Problem.NONE)


def test_drawing_on_the_page_is_read(page: Container, seven: bytes, read_here: str) -> None:
    assert f"Looks like <strong>{read_here}</strong>" in ask_page(address_of(page), seven)


def test_server_answers_its_status_over_plain_http(server: Container) -> None:
    answer = httpx.get(
        f"http://127.0.0.1:{server.port(8501)}/v1/models/digits", timeout=60, trust_env=False
    )
    [version] = answer.json()["model_version_status"]
    assert (version["version"], version["state"]) == ("1", "AVAILABLE")


def test_health_checks_of_the_images_pass(
    engine: Engine, server: Container, page: Container
) -> None:
    for container in (server, page):
        engine("healthcheck", "run", container.name)


def test_programs_run_as_the_user_without_capabilities(
    engine: Engine, server: Container, page: Container, user: int
) -> None:
    for container in (server, page):
        status = engine(
            "exec", container.name, "python", "-c", "print(open('/proc/1/status').read())"
        )
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert facts["Uid"].split() == [str(user)] * 4
        assert (int(facts["CapEff"], 16), int(facts["CapBnd"], 16), facts["NoNewPrivs"]) == (
            0,
            0,
            "1",
        )
        refused = "try: open('/app/x', 'w')\nexcept OSError as error: print(error.errno)"
        assert engine("exec", container.name, "python", "-c", refused).strip() == "30"  # EROFS


def test_trainer_told_to_use_a_gpu_without_one_says_so_and_ends_with_5(
    engine: Engine, trainer_image: str, as_user: tuple[str, ...], folders: tuple[str, ...]
) -> None:
    code, said = engine.finish(
        trainer_image, "--device=gpu", options=[*as_user, *folders, "--network=none"]
    )
    assert code == NO_GPU, said
    assert "no GPU" in said or "GPU" in said.splitlines()[-1]
    assert "expected a GPU; received none from TensorFlow" in said
    assert "Traceback" not in said


def test_server_replaced_while_the_page_is_used_loses_no_answer(
    page: Container, server: Container, serve: Serve, seven: bytes, read_here: str
) -> None:
    """As a rolling update does it: the new server is AVAILABLE before the old one is told to
    stop."""
    told: list[str] = []
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            told.append(ask_page(address_of(page), seven))

    with serve():
        asking = threading.Thread(target=keep_asking)
        asking.start()
        try:
            assert server.stop() == 0
            seen = len(told)
            while len(told) < seen + 5 and asking.is_alive():
                stop.wait(0.1)
        finally:
            stop.set()
            asking.join()
        assert len(told) >= seen + 5
        assert {f"Looks like <strong>{read_here}</strong>" in answer for answer in told} == {
            True
        }, json.dumps(told[-3:])


def test_page_stops_on_its_signal_with_exit_0(page: Container) -> None:
    assert page.stop() == 0
