"""The client against the embedded server in a process of its own, with an exported network."""

import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from digits.contract import Problem
from serving.client import Client, NotFoundError, VersionStatus, connect
from serving.client.__main__ import main
from tests.support.toy_digits import toy_arrays
from trainer.export.saved_model import export
from trainer.networks import architecture
from trainer.networks.inference import predict

Array = np.ndarray[Any, Any]
VERSION = 3
LETTERS = tuple("abcdefghij")
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return architecture.build("conv3", seed=5)


@pytest.fixture(scope="module")
def images() -> Array:
    return toy_arrays()["x_train"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def ports(
    network: keras.Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, int]]:
    """A running server: transport and port."""
    base = tmp_path_factory.mktemp("digits")
    (base / str(VERSION)).mkdir()
    export(network, LETTERS, base / str(VERSION))
    ports = {"grpc": free_port(), "rest": free_port()}
    flags = [
        f"--model_base_path={base}",
        f"--port={ports['grpc']}",
        f"--rest_api_port={ports['rest']}",
        "--require_manifest=false",
    ]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    with subprocess.Popen(
        [sys.executable, "-m", "serving.server", *flags], cwd=ROOT, env=environment
    ) as process:
        try:
            with connect(f"grpc://127.0.0.1:{ports['grpc']}") as client:
                client.wait(300)  # the machine may be busy
            yield ports
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0


@pytest.fixture(params=["grpc", "rest"])
def server(request: pytest.FixtureRequest, ports: dict[str, int]) -> str:
    return f"{request.param}://127.0.0.1:{ports[request.param]}"


@pytest.fixture
def client(server: str) -> Iterator[Client]:
    with connect(server, deadline=30) as client:
        yield client


def png(image: Array) -> bytes:
    """A drawing as a person would make it: large, dark ink on white."""
    file = io.BytesIO()
    Image.fromarray(255 - image).resize((200, 200)).save(file, "PNG")
    return file.getvalue()


def test_predict_answers_as_the_trained_network(
    client: Client, network: keras.Model, images: Array
) -> None:
    found = client.predict(images[:600])
    expected = predict(network, images[:600])
    np.testing.assert_allclose(
        [prediction.probabilities for prediction in found], expected, atol=1e-5
    )
    assert [prediction.digit for prediction in found] == expected.argmax(axis=1).tolist()


def test_read_garbage_among_drawings_leaves_the_others_their_answer(
    client: Client, images: Array
) -> None:
    found = client.read([png(images[0]), b"garbage", png(images[1])])
    assert [drawing.problem for drawing in found] == [
        Problem.NONE,
        Problem.NOT_AN_IMAGE,
        Problem.NONE,
    ]
    assert found[0].image.max() > 200 and found[0].image[:2].max() == 0
    alone = client.read([png(images[1])])[0]
    np.testing.assert_allclose(found[2].probabilities, alone.probabilities, atol=1e-5)


def test_read_image_seen_is_the_one_that_was_judged(client: Client, images: Array) -> None:
    drawing = client.read([png(images[7])])[0]
    again = client.predict(drawing.image[np.newaxis])[0]
    np.testing.assert_allclose(drawing.probabilities, again.probabilities, atol=1e-5)


def test_read_both_protocols_give_the_same_answer(ports: dict[str, int], images: Array) -> None:
    answers = []
    for scheme, port in ports.items():
        with connect(f"{scheme}://127.0.0.1:{port}", deadline=30) as client:
            answers.append(client.read([png(image) for image in images[:5]]))
    for over_grpc, over_rest in zip(*answers, strict=True):
        np.testing.assert_allclose(over_grpc.probabilities, over_rest.probabilities, atol=1e-6)
        np.testing.assert_array_equal(over_grpc.image, over_rest.image)
        assert (over_grpc.version, over_rest.version) == (VERSION, None)


def test_status_served_version_is_available(client: Client) -> None:
    assert client.status() == [VersionStatus(VERSION, "AVAILABLE")]


def test_wait_served_version_keeps_the_contract(client: Client) -> None:
    assert client.wait(30) == VERSION
    client.check_contract()


def test_predict_unknown_model_is_not_found(server: str, images: Array) -> None:
    with (
        connect(server, model="letters", deadline=30) as client,
        pytest.raises(NotFoundError, match="Servable not found"),
    ):
        client.predict(images[:1])


def test_main_predict_a_file_is_one_line(
    server: str,
    images: Array,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "seven.png").write_bytes(png(images[0]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["client", "predict", "seven.png", "--server", server, "--deadline", "30"]
    )
    assert main() == 0
    assert capsys.readouterr().out.startswith("seven.png: ")
