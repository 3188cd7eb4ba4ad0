"""`make doctor`: what each way of using Inkwell still needs on this machine, in plain sentences.

Runs before anything is installed, so it needs the standard library only, and any Python 3.8 or
later: one that is too old must be able to say so. It changes nothing and asks nothing of the
network.

Exit code: 0 when `make demo` works, else 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

if __package__ in (None, ""):  # started as a file: the folder above is then not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.doctor_data import check_data
from tools.doctor_gpu import check_container_gpu, check_driver

HOST = "127.0.0.1"
SUPPORTED = ("3.11", "3.12", "3.13")
ANSWER_WITHIN = 10
"""Seconds that a program has to answer; an engine whose daemon is away can hang."""
GIGABYTE = 1 << 30


class Need(NamedTuple):
    """One thing that a path needs: whether it is there, and a sentence."""

    met: bool
    text: str


def main() -> int:
    """Look at everything once, then say for each path what it lacks."""
    paths = look(Path(__file__).resolve().parent.parent, read_arguments())
    print("\n\n".join(describe(name, needs) for name, needs in paths.items()))
    return 0 if all(need.met for need in next(iter(paths.values()))) else 1


def look(root: Path, chosen: argparse.Namespace) -> dict[str, list[Need]]:
    """What each path needs, the demo first.

    Args:
        root: folder of the project.
        chosen: ports and data.
    """
    python, engine, model = check_python(), check_engine(), check_model(root)
    page, grpc, rest = (
        check_port(getattr(chosen, flag), flag) for flag in ("page_port", "grpc_port", "rest_port")
    )
    installed = (root / ".venv" / ".demo").exists()
    room = check_room(root, 0.5 if installed else 3)
    training = [
        check_writable(root),
        Need(*check_data(chosen.data, root, Path(chosen.keras_cache))),
    ]
    gpu = [Need(*check(Path("/"))) for check in (check_driver, check_container_gpu)]
    return {
        "demo (make demo)": [python, room, model, page, grpc, rest],
        "train on the processor (make train)": [
            python,
            check_room(root, 1 if installed else 4),
            *training,
        ],
        "train in a container (make train-cpu)": [engine, check_room(root, 6), *training],
        "train on a GPU (make train-gpu)": [engine, *gpu, check_room(root, 15), *training],
        "serve with TensorFlow Serving (make serve)": [
            engine,
            check_arch(),
            check_room(root, 2),
            model,
            grpc,
            rest,
        ],
        "the page alone (make ui)": [python, room, page],
    }


def describe(name: str, needs: list[Need]) -> str:
    """A path in lines: whether it is ready, then each need."""
    state = "ready" if all(need.met for need in needs) else "not ready"
    lines = [f"  {'ok      ' if need.met else 'missing '}{need.text}" for need in needs]
    return "\n".join([f"{name}: {state}", *lines])


def read_arguments() -> argparse.Namespace:
    """Ports and data as the make targets have them."""
    parser = argparse.ArgumentParser(prog="make doctor", description=__doc__, allow_abbrev=False)
    for flag, default in (("page_port", 7860), ("grpc_port", 8500), ("rest_port", 8501)):
        parser.add_argument(f"--{flag}", type=int, default=default)
    parser.add_argument(
        "--data",
        default=os.environ.get("DIGITS_DATA", ""),
        help="copy of MNIST; default: the variable DIGITS_DATA",
    )
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    parser.add_argument(
        "--keras_cache", default=str(Path(home) / "datasets"), help="where Keras keeps data sets"
    )
    return parser.parse_args()


def check_python() -> Need:
    """A supported Python that can make virtual environments, by the names that make tries."""
    for name in (*(f"python{minor}" for minor in SUPPORTED), "python3", "python"):
        found = answer([name, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        version = (found or "").strip()
        if version not in SUPPORTED:
            continue
        if answer([name, "-c", "import ensurepip, venv"]) is None:
            return Need(
                False,
                f"{name} is Python {version} but cannot make virtual environments; install its "
                f"venv package (python{version}-venv)",
            )
        return Need(True, f"Python {version} is here as {name}")
    return Need(
        False,
        "Python 3.11 to 3.13 was not found; install one, or name it: make "
        "PYTHON=/path/to/python3.13 ...",
    )


def check_engine() -> Need:
    """The first container engine that answers and has Compose, as make picks it."""
    choices = (
        ("docker", ["docker", "compose"]),
        ("podman", ["podman-compose"]),
        ("podman", ["podman", "compose"]),
    )
    silent = []
    for engine, compose in choices:
        if shutil.which(engine) is None:
            continue
        if answer([engine, "info"]) is None:
            silent.append(f"{engine} is installed but does not answer")
        elif answer([*compose, "version"]) is not None:
            return Need(True, f"{engine} answers, with Compose as `{' '.join(compose)}`")
        else:
            silent.append(f"{engine} answers but has no Compose (`{' '.join(compose)}`)")
    found = "; ".join(dict.fromkeys(silent)) or "neither docker nor podman is installed"
    return Need(
        False,
        f"a container engine with Compose: {found}; install or start one, or use make demo, make "
        "train, make serve-embedded",
    )


def check_port(port: int, flag: str) -> Need:
    """Whether nobody answers there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        taken = probe.connect_ex((HOST, port)) == 0
    if taken:
        return Need(
            False,
            f"port {port} is taken, perhaps by Inkwell itself; end what listens there, or choose "
            f"another: {flag.upper()}={port + 100}",
        )
    return Need(True, f"port {port} is free")


def check_arch() -> Need:
    """TensorFlow Serving's image is made for one kind of processor."""
    machine = os.uname().machine
    if machine in ("x86_64", "amd64"):
        return Need(True, "the processor is x86_64, as TensorFlow Serving's image")
    return Need(
        False,
        f"TensorFlow Serving's image is for x86_64, this is {machine}; use make serve-embedded",
    )


def check_room(folder: Path, gigabytes: float) -> Need:
    """Room on the disk of the project; an engine may keep its images on another."""
    free = shutil.disk_usage(folder).free / GIGABYTE
    text = f"{free:.1f} GB are free on this disk, about {gigabytes:g} GB are needed"
    return Need(free >= gigabytes, text if free >= gigabytes else f"{text}; make room")


def check_writable(root: Path) -> Need:
    """The folders that a training writes to; absent ones are made."""
    for name in ("runs", "models"):
        folder = root / name if (root / name).exists() else root
        if not os.access(folder, os.W_OK | os.X_OK):
            return Need(False, f"'{name}' cannot be written by this user; fix its permissions")
    return Need(True, "runs/ and models/ can be written")


def check_model(root: Path) -> Need:
    """A version to serve."""
    base = root / "models" / "digits"
    found = [
        int(folder.name)
        for folder in base.glob("[1-9]*")
        if folder.name.isdigit() and (folder / "saved_model.pb").is_file()
    ]
    if not found:
        return Need(
            False,
            "models/digits holds no version to serve; fetch the released one (git checkout "
            "models), or make train",
        )
    return Need(True, f"version {max(found)} of the model is there to be served")


def answer(command: list[str]) -> str | None:
    """What a program prints; none where it is absent, fails or hangs."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            command, capture_output=True, text=True, timeout=ANSWER_WITHIN, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
