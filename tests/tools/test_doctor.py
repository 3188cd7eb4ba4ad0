"""`make doctor`: with nothing but the standard library, and what it says of each thing that may be
missing."""

import ast
import gzip
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.toy_digits import write_toy_file
from tools import doctor
from tools.doctor_data import check_data
from tools.doctor_gpu import check_container_gpu, check_driver

ROOT = Path(__file__).parents[2]
NVRM = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Tue Mar  5 22:23:56 UTC 2024\nGCC "
    "version:  gcc version 12.2.0 (Debian)\n"
)


ONLY_PYTHON = {"python3.11": f'exec "{sys.executable}" "$@"'}
"""A machine without a container engine; nobody listens on ports 1 to 3 anywhere."""


def examined(*flags: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    """The doctor in a fresh process that sees no installed package."""
    command = [sys.executable, "-I", "-S", str(ROOT / "tools" / "doctor.py"), *flags]
    return subprocess.run(
        command,
        env={"PATH": path, "HOME": "/"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def scripts(folder: Path, **programs: str) -> str:
    """Programs that are one line of shell each; a PATH with these alone."""
    for name, line in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def test_doctor_imports_are_of_the_standard_library() -> None:
    for file in (ROOT / "tools").glob("doctor*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        names = {
            alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
        }
        names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        assert {name.split(".")[0] for name in names} <= {*sys.stdlib_module_names, "tools"}


def test_doctor_in_a_fresh_process_looks_at_every_path_and_exits_as_the_demo_does(
    tmp_path: Path,
) -> None:
    finished = examined(
        "--page_port=1", "--grpc_port=2", "--rest_port=3", path=scripts(tmp_path, **ONLY_PYTHON)
    )
    assert finished.stderr == ""
    heads = [line for line in finished.stdout.splitlines() if line and not line.startswith(" ")]
    assert [head.rsplit(": ", 1)[0] for head in heads] == [
        "demo (make demo)",
        "train on the processor (make train)",
        "train in a container (make train-cpu)",
        "train on a GPU (make train-gpu)",
        "serve with TensorFlow Serving (make serve)",
        "the page alone (make ui)",
    ]
    assert heads[0] == "demo (make demo): ready"
    assert finished.returncode == 0


def test_doctor_without_python_and_engine_says_both_and_exits_with_one(tmp_path: Path) -> None:
    finished = examined(path=scripts(tmp_path, python3="exit 1"))
    assert finished.returncode == 1
    assert (
        "missing Python 3.11 to 3.13 was not found; install one, or name it: make "
        "PYTHON=/path/to/python3.13" in finished.stdout
    )
    assert (
        "neither docker nor podman is installed; install or start one, or use make demo"
        in finished.stdout
    )


def test_doctor_without_a_home_looks_all_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", str(ROOT / "tools" / "doctor.py"), "--page_port=1"]
    finished = subprocess.run(
        ["/usr/bin/setpriv", "--reuid=54321", "--clear-groups", *command]
        if os.geteuid() == 0 and Path("/usr/bin/setpriv").exists()
        else command,
        env={"PATH": scripts(tmp_path, **ONLY_PYTHON)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in finished.stderr
    assert finished.stdout.startswith("demo (make demo): ")


def test_doctor_port_that_is_taken_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = examined(
            f"--grpc_port={port}",
            "--page_port=1",
            "--rest_port=3",
            path=scripts(tmp_path, **ONLY_PYTHON),
        )
    assert finished.returncode == 1
    assert f"missing port {port} is taken" in finished.stdout
    assert "choose another: GRPC_PORT=" in finished.stdout


def test_doctor_through_make_passes_the_ports_on(tmp_path: Path) -> None:
    command = [
        "make",
        "--no-print-directory",
        "doctor",
        "PAGE_PORT=1",
        "GRPC_PORT=2",
        "REST_PORT=3",
    ]
    quick = {
        "PATH": f"{scripts(tmp_path, docker='exit 1', podman='exit 1')}:{os.environ['PATH']}",
        "HOME": "/",
    }
    finished = subprocess.run(
        command, cwd=ROOT, env=quick, capture_output=True, text=True, timeout=120, check=False
    )
    assert (
        "port 1 is free" in finished.stdout
        and "port 2 is free" in finished.stdout
        and "port 3 is free" in finished.stdout
    )


@pytest.mark.parametrize(
    ("programs", "met", "said"),
    [
        ({"docker": "exit 0"}, True, "docker answers, with Compose as `docker compose`"),
        (
            {"docker": "exit 1", "podman": "exit 0", "podman-compose": "exit 0"},
            True,
            "podman answers, with Compose as `podman-compose`",
        ),
        ({"docker": "exit 1"}, False, "docker is installed but does not answer"),
        ({"podman": '[ "$1" = info ]'}, False, "podman answers but has no Compose"),
    ],
)
def test_doctor_engine_is_the_one_that_make_would_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: dict[str, str], met: bool, said: str
) -> None:
    monkeypatch.setenv("PATH", scripts(tmp_path, **programs))
    found = doctor.check_engine()
    assert found.met is met
    assert said in found.text


@pytest.mark.parametrize(
    ("files", "met", "said"),
    [
        ({}, False, "no NVIDIA driver is loaded"),
        (
            {"proc/driver/nvidia/version": NVRM.format("470.82.01"), "dev/nvidiactl": ""},
            False,
            "driver is 470.82.01; CUDA 12 needs 525",
        ),
        (
            {"proc/driver/nvidia/version": NVRM.format("550.54.15")},
            False,
            "driver 550.54.15 is loaded, but /dev/nvidiactl is absent",
        ),
        (
            {"proc/driver/nvidia/version": NVRM.format("550.54.15"), "dev/nvidiactl": ""},
            True,
            "NVIDIA driver 550.54.15",
        ),
        ({"dev/dxg": ""}, True, "Windows"),
    ],
)
def test_doctor_driver_is_read_without_nvidia_smi(
    tmp_path: Path, files: dict[str, str], met: bool, said: str
) -> None:
    _write(tmp_path, files)
    found, text = check_driver(tmp_path)
    assert found is met
    assert said in text


@pytest.mark.parametrize(
    ("files", "met"),
    [
        ({}, False),
        ({"etc/cdi/nvidia.yaml": "kind: nvidia.com/gpu\n"}, True),
        ({"var/run/cdi/nvidia.json": '{"kind": "nvidia.com/gpu"}'}, True),
        ({"etc/cdi/other.yaml": "kind: example.com/fpga\n"}, False),
        (
            {
                "etc/docker/daemon.json": '{"runtimes": {"nvidia": {"path": '
                '"nvidia-container-runtime"}}}'
            },
            True,
        ),
        ({"etc/docker/daemon.json": "{}"}, False),
    ],
)
def test_doctor_container_gpu_needs_a_cdi_file_or_dockers_runtime(
    tmp_path: Path, files: dict[str, str], met: bool
) -> None:
    _write(tmp_path, files)
    found, text = check_container_gpu(tmp_path)
    assert found is met
    assert met or "nvidia-ctk" in text


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_doctor_model_room_and_folders_say_what_is_missing(tmp_path: Path) -> None:
    assert not doctor.check_model(tmp_path).met
    _write(
        tmp_path,
        {
            "models/digits/12/saved_model.pb": "",
            "models/digits/007/saved_model.pb": "",
            "models/digits/held/13/saved_model.pb": "",
        },
    )
    assert doctor.check_model(tmp_path) == (True, "version 12 of the model is there to be served")
    assert doctor.check_room(tmp_path, 0.0).met
    assert "make room" in doctor.check_room(tmp_path, 1e9).text
    assert doctor.check_writable(tmp_path).met


def test_doctor_data_absent_is_downloaded_but_a_wrong_path_is_not(tmp_path: Path) -> None:
    assert check_data("", ROOT, tmp_path) == (
        True,
        "MNIST is not here yet: it will be downloaded (11 MB), or name a copy: "
        "DIGITS_DATA=/path/to/mnist.npz",
    )
    met, text = check_data(str(tmp_path / "none.npz"), ROOT, tmp_path)
    assert not met and "which is not there" in text


def test_doctor_data_that_is_another_set_or_damaged_is_not_mnist(tmp_path: Path) -> None:
    toy = write_toy_file(tmp_path / "mnist.npz")
    met, text = check_data("", ROOT, tmp_path)
    assert not met and "is not MNIST (x_test, x_train, y_test, y_train differ)" in text
    toy.write_bytes(toy.read_bytes()[:1000])
    met, text = check_data(str(toy), ROOT, tmp_path)
    assert not met and "cannot be read (BadZipFile" in text


def test_doctor_data_in_a_folder_of_pictures_is_left_to_the_trainer(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    met, text = check_data(str(tmp_path), ROOT, tmp_path)
    assert met and "folder of pictures" in text


@pytest.mark.mnist
def test_doctor_data_that_is_mnist_is_known_in_both_forms(tmp_path: Path) -> None:
    source = os.environ.get("DIGITS_DATA")
    if not source:
        pytest.skip("DIGITS_DATA names no copy of MNIST")
    assert check_data(source, ROOT, tmp_path)[0]
    with np.load(source) as arrays:
        for name, file, rank in (
            ("x_test", "t10k-images-idx3-ubyte", 3),
            ("y_test", "t10k-labels-idx1-ubyte.gz", 1),
        ):
            content = (
                bytes([0, 0, 8, rank])
                + np.array(arrays[name].shape, ">i4").tobytes()
                + arrays[name].astype(np.uint8).tobytes()
            )
            (tmp_path / file).write_bytes(
                gzip.compress(content) if file.endswith(".gz") else content
            )
    assert check_data(str(tmp_path), ROOT, tmp_path)[1].count("(x_train, y_train differ)") == 1, (
        "the other two are right"
    )
