"""What a process that only asks costs: no framework, little memory."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

import serving.client
from tests.support.client_doubles import Stage, grpc_double, rest_double

MEGABYTE = 1_000_000
HEAVY = ("tensorflow", "keras", "gradio", "trainer", "ui", "serving.server", "tensorflow_serving")
LOADED = f"import json, sys; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
PREDICT = """
import sys, numpy, psutil, serving.client
with serving.client.connect(sys.argv[1]) as client:
    client.check_contract()
    client.predict(numpy.zeros((600, 28, 28), numpy.uint8))
    assert len(client.read([b"drawing"] * 5)) == 5
other = {"grpc": "httpx", "rest": "grpc"}[sys.argv[1][:4]]
assert other not in sys.modules, other
print(psutil.Process().memory_info().rss)
"""


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=[grpc_double, rest_double], ids=["grpc", "rest"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    with request.param(Stage()) as address:
        yield address


@pytest.mark.parametrize(
    "module",
    [
        "serving.client",
        "serving.client.transport.over_grpc",
        "serving.client.transport.over_rest",
        "serving.client.__main__",
    ],
)
def test_import_in_a_fresh_process_loads_nothing_heavy(module: str) -> None:
    assert json.loads(run(f"import {module}; {LOADED}")) == []


def test_import_package_loads_neither_transport() -> None:
    assert (
        run(
            "import serving.client, sys; print({'grpc', 'httpx', 'google.protobuf'} & "
            "set(sys.modules))"
        ).strip()
        == "set()"
    )


def test_process_that_has_predicted_stays_below_100_megabytes(server: str) -> None:
    assert int(run(PREDICT, server)) < 100 * MEGABYTE


def test_docstring_example_works(server: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("drawings")
    (folder / "seven.png").write_bytes(b"drawing")
    lines = [
        line[4:] for line in (serving.client.__doc__ or "").splitlines() if line.startswith("    ")
    ]
    code = (
        "\n".join(lines)
        .replace("grpc://localhost:8500", server)
        .replace('"seven.png"', repr(str(folder / "seven.png")))
    )
    assert run(code).startswith("7 0.9")
