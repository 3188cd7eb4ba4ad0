"""The Space on Hugging Face: its Dockerfile builds from its own files, and what comes out runs as
user 1000 on port 7860."""

from pathlib import Path

import pytest

from digits.contract import MODEL_NAME
from tests.containers.conftest import ROOT, Build
from tests.containers.engine import Engine
from tests.containers.page import ask_patiently, wait_for_page
from tests.support.released_server import draw_seven
from tools.huggingface import assemble, released

pytestmark = pytest.mark.containers
_START = 600.0


def test_space_builds_serves_the_page_and_stops_when_told(
    engine: Engine, build: Build, tmp_path: Path
) -> None:
    assemble(tmp_path, released(ROOT / "models" / MODEL_NAME))
    image = build("space", "Dockerfile", tmp_path / "space")
    with engine.running(image, options=["--publish=127.0.0.1::7860"]) as container:
        assert engine("exec", container.name, "id", "-u").strip() == "1000"
        address = f"http://127.0.0.1:{container.port(7860)}"
        wait_for_page(address, _START)
        assert ">7<" in ask_patiently(address, draw_seven())
        assert container.stop() == 0
