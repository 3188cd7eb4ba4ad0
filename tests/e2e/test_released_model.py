"""The released model behind the embedded server, asked through every protocol as a user would."""

import base64
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from digits.contract import MODEL_NAME, Problem
from digits.errors import VersionError
from digits.manifest import verify
from digits.store import versions
from serving.client import Client, Drawing, connect
from tests.support.released_server import RELEASED, ROOT, as_png, draw_seven, serve_released
from trainer.data.dataset import DataSet
from trainer.networks.architecture import ARCHITECTURES
from ui.answers.compare import Comparer
from ui.answers.drawing import Sheet
from ui.answers.occlusion import Occlusion, ask, mask
from ui.answers.reading import Answer, read

GARBAGE = b"this is not a picture"
_BLOCK = 4096
"""Bytes that a disk reads or loses together."""


@pytest.fixture(scope="session")
def ports() -> Iterator[tuple[int, int]]:
    """gRPC and REST port of a running embedded server with the released model."""
    with serve_released() as ports:
        yield ports


@pytest.fixture(scope="session")
def over_grpc(ports: tuple[int, int]) -> Iterator[Client]:
    with connect(f"grpc://127.0.0.1:{ports[0]}", deadline=60) as client:
        yield client


@pytest.fixture(scope="session")
def over_rest(ports: tuple[int, int]) -> Iterator[Client]:
    with connect(f"rest://127.0.0.1:{ports[1]}", deadline=60) as client:
        yield client


@pytest.fixture(scope="session")
def seven() -> bytes:
    return draw_seven()


def ask_with_curl(port: int, drawings: list[bytes]) -> list[dict[str, object]]:
    body = {
        "signature_name": "drawings",
        "instances": [{"b64": base64.b64encode(drawing).decode()} for drawing in drawings],
    }
    url = f"http://127.0.0.1:{port}/v1/models/digits:predict"
    done = subprocess.run(
        ["curl", "--silent", "--fail-with-body", "--data-binary", "@-", url],
        input=json.dumps(body),
        capture_output=True,
        text=True,
        check=True,
    )
    predictions: list[dict[str, object]] = json.loads(done.stdout)["predictions"]
    return predictions


def newest(model: str = MODEL_NAME) -> Path:
    """The folder of the version that is served."""
    base = RELEASED.parent / model
    return base / str(versions(base)[-1])


@pytest.mark.parametrize("model", [MODEL_NAME, *ARCHITECTURES])
def test_release_verifies_and_says_how_it_was_made(model: str) -> None:
    manifest = verify(newest(model))
    assert manifest.released
    assert manifest.model_name == model
    assert model in (MODEL_NAME, manifest.architecture)
    assert manifest.data["name"] == "mnist"
    assert manifest.metrics["test"]["accuracy"] > 0.98


def test_release_best_network_is_the_one_under_its_own_name() -> None:
    best = verify(newest())
    assert verify(newest(best.architecture)).metrics["test"] == best.metrics["test"]


def test_release_with_one_bit_flipped_in_any_block_is_refused(tmp_path: Path) -> None:
    version = shutil.copytree(newest(), tmp_path / "1")
    for path in sorted(file for file in version.rglob("*") if file.is_file()):
        whole = path.read_bytes()
        for block in range(0, len(whole), _BLOCK):
            place = min(block + block // _BLOCK % _BLOCK, len(whole) - 1)
            path.write_bytes(
                whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]
            )
            with pytest.raises(VersionError):
                verify(version)
        path.write_bytes(whole)
    verify(version)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_drawing_through_every_protocol_has_the_same_probabilities(
    over_grpc: Client, over_rest: Client, ports: tuple[int, int], seven: bytes
) -> None:
    [by_grpc] = over_grpc.read([seven])
    [by_rest] = over_rest.read([seven])
    [by_curl] = ask_with_curl(ports[1], [seven])
    with closing(Comparer(f"grpc://127.0.0.1:{ports[0]}", [MODEL_NAME], 60)) as comparer:
        by_page = read(over_grpc, comparer, Sheet(picture=seven))
    assert isinstance(by_page, Answer)
    assert (by_grpc.label, by_grpc.problem) == ("7", Problem.NONE)
    for other in (by_rest.probabilities, by_curl["probabilities"], by_page.drawing.probabilities):
        assert np.allclose(by_grpc.probabilities, np.asarray(other), rtol=0, atol=1e-6)
    assert np.array_equal(by_grpc.image, by_rest.image)


def test_part_that_would_change_the_answer_does_so_when_it_is_masked(
    over_grpc: Client, over_rest: Client
) -> None:
    canvas = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(canvas).line([(70, 65), (165, 60), (115, 230)], fill=0, width=21, joint="curve")
    sheet = Sheet(picture=as_png(canvas))
    by_grpc, by_rest = ask(over_grpc, sheet), ask(over_rest, sheet)
    assert isinstance(by_grpc, Occlusion)
    assert isinstance(by_rest, Occlusion)
    assert by_grpc.label == by_rest.label == "7"
    np.testing.assert_allclose(by_grpc.influence, by_rest.influence, atol=1e-3)
    assert by_grpc.change is not None
    [whole, masked] = over_grpc.predict(
        np.stack([by_grpc.image, mask(by_grpc.image, by_grpc.change.place)])
    )
    assert (whole.label, masked.label) == ("7", by_grpc.change.label)
    assert masked.probabilities.max() == pytest.approx(by_grpc.change.probability, abs=1e-5)


@pytest.mark.parametrize("protocol", ["over_grpc", "over_rest"])
def test_garbage_among_good_drawings_costs_only_itself(
    protocol: str, seven: bytes, request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(protocol)
    alone = client.read([seven])[0]
    first, garbage, last = client.read([seven, GARBAGE, seven])
    assert garbage.problem is Problem.NOT_AN_IMAGE
    for neighbour in (first, last):
        assert neighbour.problem is Problem.NONE
        assert np.allclose(neighbour.probabilities, alone.probabilities, rtol=0, atol=1e-6)


def test_picture_that_declares_too_many_pixels_is_refused_alone(
    over_grpc: Client, seven: bytes
) -> None:
    huge, fine = over_grpc.read([declare(50_000, 50_000), seven])
    assert huge.problem is Problem.TOO_LARGE
    assert fine.label == "7"


def declare(width: int, height: int) -> bytes:
    """A small PNG whose header promises `width` x `height` pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.mnist
@pytest.mark.parametrize("model", [MODEL_NAME, *ARCHITECTURES])
def test_released_model_reads_the_test_set_as_its_manifest_says(
    model: str, ports: tuple[int, int], mnist: DataSet
) -> None:
    with connect(f"grpc://127.0.0.1:{ports[0]}", model=model, deadline=60) as client:
        read_as = np.array([prediction.digit for prediction in client.predict(mnist.x_test)])
    accuracy = float(np.mean(read_as == mnist.y_test))
    assert accuracy == pytest.approx(verify(newest(model)).metrics["test"]["accuracy"], abs=2e-4)


@pytest.mark.mnist
def test_mnist_images_as_drawings_are_read_as_well_as_images(
    over_grpc: Client, mnist: DataSet
) -> None:
    """The preparation of drawings must leave an image of MNIST's own kind what it is."""
    images, truth = mnist.x_train[-1000:], mnist.y_train[-1000:]
    drawings = over_grpc.read([as_png(Image.fromarray(image)) for image in images])
    assert share_right(drawings, truth) > 0.98


def share_right(drawings: list[Drawing], truth: npt.NDArray[np.uint8]) -> float:
    return float(
        np.mean([drawing.digit == label for drawing, label in zip(drawings, truth, strict=True)])
    )


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("language", ["python", "sh"])
def test_readme_example_runs_as_it_stands(
    language: str, ports: tuple[int, int], seven: bytes, tmp_path: Path
) -> None:
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    [example] = [block for block in blocks if "seven.png" in block and "make" not in block]
    (tmp_path / "seven.png").write_bytes(seven)
    here = example.replace(":8500", f":{ports[0]}").replace(":8501", f":{ports[1]}")
    assert here != example
    command = (
        [sys.executable, "-c", here]
        if language == "python"
        else ["bash", "-euo", "pipefail", "-c", here]
    )
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "7" in done.stdout
    assert "error" not in done.stdout
