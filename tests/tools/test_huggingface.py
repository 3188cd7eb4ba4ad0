"""deploy/huggingface: the pages say what the manifest says, and the Space runs from its own files
alone."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx
import psutil
import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types
from huggingface_hub import ModelCard

from digits.contract import MODEL_NAME
from digits.manifest import verify
from inkwell.demo import COMPARED
from serving.client import connect
from tests.containers.page import ask_patiently, wait_for_page
from tests.support.ports import free_port
from tests.support.released_server import draw_seven
from tools.huggingface import PAGES, ROOT, assemble, compose, main, released
from tools.model_card import model_card

NUMBER: Final = released(ROOT / "models" / MODEL_NAME)
MANIFEST: Final = verify(ROOT / "models" / MODEL_NAME / str(NUMBER))
HOST: Final = "somebody-inkwell.hf.space"


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with `model` and `space`, as they are uploaded."""
    folder = tmp_path_factory.mktemp("huggingface")
    assemble(folder, NUMBER)
    return folder


def test_pages_are_what_the_manifest_and_the_records_say() -> None:
    for path, text in compose(NUMBER).items():
        assert path.read_text(encoding="utf-8") == text, "run `make huggingface`"


def test_check_of_pages_that_are_up_to_date_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr() == ("", "")


def test_model_card_as_the_hub_reads_it_has_the_manifests_accuracy(repositories: Path) -> None:
    card = ModelCard.load(repositories / "model/README.md")
    (result,) = card.data.eval_results
    assert result.metric_value == MANIFEST.metrics["test"]["accuracy"]
    assert card.data.license == "apache-2.0"
    assert "Apache License" in (repositories / "model/LICENSE").read_text(encoding="utf-8")
    for name in ("test", "validation"):
        assert f"{MANIFEST.metrics[name]['accuracy']:.4f}" in card.text


def test_model_card_leaves_out_what_was_measured_of_another_version(tmp_path: Path) -> None:
    record = json.loads((ROOT / "results/freehand.json").read_text(encoding="utf-8"))
    own = record | {"version": NUMBER, "created": MANIFEST.created}
    for content, told in ((own, True), (own | {"version": NUMBER + 1}, False)):
        (tmp_path / "freehand.json").write_text(json.dumps(content), encoding="utf-8")
        assert ("recorded pens  " in model_card(MANIFEST, NUMBER, tmp_path)) == told


def test_model_card_example_reads_a_drawing(
    repositories: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (repositories / "model/README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    monkeypatch.chdir(repositories / "model")
    Path("seven.png").write_bytes(draw_seven())
    exec(example, {})
    assert capsys.readouterr().out.startswith("[7] ")


def test_model_repository_has_the_version_whole(repositories: Path) -> None:
    assert verify(repositories / "model" / str(NUMBER)) == MANIFEST
    assert verify(repositories / "space/models" / MODEL_NAME / str(NUMBER)) == MANIFEST


def test_space_settings_are_those_of_a_docker_space(repositories: Path) -> None:
    text = (repositories / "space/README.md").read_text(encoding="utf-8")
    settings = yaml.safe_load(text.split("---\n")[1])
    app = (PAGES / "space/app.py").read_text(encoding="utf-8")
    assert settings["sdk"] == "docker"
    assert f"\nPAGE_PORT: Final = {settings['app_port']}\n" in app
    assert len(settings["short_description"]) <= 60, "the Hub refuses longer ones"


def test_space_dockerfile_copies_what_the_space_has_and_ends_without_privileges(
    repositories: Path,
) -> None:
    lines = (repositories / "space/Dockerfile").read_text(encoding="utf-8").splitlines()
    sources = [line.split()[1] for line in lines if re.match(r"COPY (?!--from)", line)]
    assert {name for name in sources if not (repositories / "space" / name).exists()} == set()
    assert {source.split("/")[0] for source in sources} >= {"models", "app.py", "requirements"}
    (user,) = [number for number, line in enumerate(lines) if line == "USER 1000:1000"]
    assert not any(line.startswith(("RUN", "COPY", "USER")) for line in lines[user + 1 :])


@contextmanager
def running(space: Path, page: int, grpc: int) -> Iterator[subprocess.Popen[bytes]]:
    """The Space's program on these ports, in the folder and with the variables of a Space."""
    program = f"import sys, app; sys.exit(app.main({page}, {grpc}))"
    variables = {"SPACE_HOST": HOST, "SPACE_ID": "somebody/inkwell", "SYSTEM": "spaces"}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=space, env=environment | variables) as process:
        try:
            yield process
        finally:
            process.terminate()


def wait_while_running(process: subprocess.Popen[bytes], address: str) -> None:
    """Return once the page answers; fail at once if the program has ended."""
    for _ in range(600):
        assert process.poll() is None
        with suppress(TimeoutError):
            wait_for_page(address, 1)
            return
    raise TimeoutError


def test_space_serves_the_page_under_its_name_reads_a_drawing_and_ends_with_its_server(
    repositories: Path,
) -> None:
    page, grpc = free_port(), free_port()
    address = f"http://127.0.0.1:{page}"
    with running(repositories / "space", page, grpc) as process:
        wait_while_running(process, address)
        for host, status in ((HOST, 200), ("elsewhere.example.org", 421)):
            headers = {"host": host, "origin": f"https://{host}"}
            assert httpx.get(address, headers=headers, trust_env=False).status_code == status
        for model in (MODEL_NAME, *COMPARED.split(",")):
            with connect(f"grpc://127.0.0.1:{grpc}", model=model) as client:
                assert client.read([draw_seven()])[0].label == "7"
        assert ">7<" in ask_patiently(address, draw_seven())
        (server,) = [
            child
            for child in psutil.Process(process.pid).children()
            if "serving.server" in child.cmdline()
        ]
        server.send_signal(signal.SIGKILL)
        assert process.wait(120) not in (0, None)
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)
