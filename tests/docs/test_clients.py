"""docs/clients.md: every example on it, run against the released model as it stands but for host
and port."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import httpx
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from tensorflow_serving.apis import predict_pb2

from tests.support.released_server import ROOT, draw_seven, serve_released

PAGE: Final = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
BIN: Final = Path(sys.executable).parent
PATH: Final = f"{BIN}{os.pathsep}{os.environ['PATH']}"
"""Where an example's programs are: beside this Python, or the machine's."""


@dataclass(frozen=True)
class Example:
    """The one fenced block under a heading of the page."""

    language: str
    code: str
    program: str
    """What must be installed for it besides Python; may be empty."""


def read_examples() -> dict[str, Example]:
    """The examples by heading."""
    blocks = re.findall(
        r"^## ([^\n]*)\n(?:(?!^## |^```).)*^```(\w+)\n(.*?)^```$",
        PAGE,
        flags=re.MULTILINE | re.DOTALL,
    )
    return {
        heading: Example(
            language, code, next((name for name in ("grpcurl", "curl") if f"{name} -" in code), "")
        )
        for heading, language, code in blocks
    }


EXAMPLES: Final = read_examples()
PRINTED: Final = {
    "Python, gRPC, with TensorFlow Serving's own stubs": r"7\n",
    "Python, REST, with the standard library": r"7\n",
    "curl, a drawing": r'.*"digit": 7\b.*',
    "curl, a picture as the body": r'.*"digit": 7\b.*',
    "curl, an image as JSON": r'\{"predictions": \[\{"digit": 1, "probabilities": \[[^]]*\]\}\]\}',
    "grpcurl, a drawing": r'.*"digit": \{.*"int64_?[vV]al": \[\s*"7"\s*\].*',
    "grpcurl, is the model ready?": r'\{\s*"status": "SERVING"\s*\}\s*',
    "Our client, gRPC and REST": r"7\n7\n",
    "The command line": r"seven\.png: 7 \((>99\.9|\d\d\.\d) %\)\n",
}
"""What the example under each heading prints."""
CASES: Final = [
    pytest.param(
        heading,
        marks=[
            pytest.mark.skipif(
                shutil.which(example.program or "bash", path=PATH) is None,
                reason=f"{example.program} is not installed",
            ),
            *([pytest.mark.grpcurl] if example.program == "grpcurl" else []),
        ],
    )
    for heading, example in EXAMPLES.items()
]


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    """gRPC and REST port of the embedded server with the released model."""
    with serve_released() as ports:
        yield ports


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an example runs: a folder with seven.png."""
    (tmp_path / "seven.png").write_bytes(draw_seven())
    return tmp_path


def test_page_has_one_example_a_heading_and_says_what_it_prints() -> None:
    assert list(EXAMPLES) == re.findall(r"^## (.*)$", PAGE, flags=re.MULTILINE) == list(PRINTED)
    assert PAGE.count("```") == 2 * len(EXAMPLES)


@pytest.mark.parametrize("heading", CASES)
def test_example_prints_the_digit(heading: str, ports: tuple[int, int], folder: Path) -> None:
    example = EXAMPLES[heading]
    here = example.code.replace("localhost:8500", f"127.0.0.1:{ports[0]}").replace(
        "localhost:8501", f"127.0.0.1:{ports[1]}"
    )
    assert here != example.code
    command = (
        [sys.executable, "-c", here]
        if example.language == "python"
        else ["bash", "-euo", "pipefail", "-c", here]
    )
    variables = {**os.environ, "PATH": PATH, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(PRINTED[heading], done.stdout, flags=re.DOTALL), done.stdout


def test_bodies_shown_in_openapi_json_are_answered_with_the_digit(ports: tuple[int, int]) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{ports[1]}", timeout=60) as rest:
        paths = rest.get("/openapi.json").json()["paths"]
        for path in ("/v1/models/{model}:predict", "/v1/models/{model}:classify"):
            for body in paths[path]["post"]["requestBody"]["content"]["application/json"][
                "examples"
            ].values():
                answer = rest.post(path.format(model="digits"), json=body["value"]).json()
                assert best(answer) == 7, answer


def best(answer: dict[str, Any]) -> int:
    """The digit in an answer of whatever form."""
    if "results" in answer:
        return int(max(answer["results"][0], key=lambda pair: pair[1])[0])
    return int(
        answer["predictions"][0]["digit"]
        if "predictions" in answer
        else answer["outputs"]["digit"][0]
    )


MESSAGES: Final = {
    "tensorflow.serving.PredictionService/Predict": predict_pb2.PredictRequest,
    "grpc.health.v1.Health/Check": health_pb2.HealthCheckRequest,
}


@pytest.mark.parametrize(
    "heading", [heading for heading, example in EXAMPLES.items() if example.program == "grpcurl"]
)
def test_grpcurl_example_names_a_method_and_a_message_that_the_server_describes(
    heading: str, ports: tuple[int, int], folder: Path
) -> None:
    """What can be said of it where grpcurl is not installed."""
    method = EXAMPLES[heading].code.split()[-1]
    service, name = method.split("/")
    with grpc.insecure_channel(f"127.0.0.1:{ports[0]}") as channel:
        found = (
            DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
            .FindServiceByName(service)
            .methods_by_name[name]
        )
    assert found.input_type.full_name == MESSAGES[method].DESCRIPTOR.full_name
    message = json_format.Parse(body_of(EXAMPLES[heading], folder), MESSAGES[method]())
    if isinstance(message, predict_pb2.PredictRequest):
        assert list(message.inputs["png"].string_val) == [draw_seven()]


def body_of(example: Example, folder: Path) -> str:
    """The JSON that the shell would hand to grpcurl."""
    stand_in = (
        'grpcurl() { while [ "$1" != -d ]; do shift; done; if [ "$2" = @ ]; then cat; '
        'else echo "$2"; fi; }\n'
    )
    done = subprocess.run(
        ["bash", "-c", stand_in + example.code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout
