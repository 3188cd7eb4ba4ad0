"""The server under test: the embedded one, started in this process as a recorded setup says, or any
at an address."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc

from digits.settings import read
from serving.server.server import Server
from serving.server.settings import ServerSettings
from tests.conformance.recordings import HERE, Json
from tests.support.ports import free_port

RECORDINGS: Final = Path(os.environ.get("CONFORMANCE_RECORDINGS") or HERE / "recordings")
TARGET: Final = os.environ.get("CONFORMANCE_TARGET", "")
"""`host:port,host:port` of gRPC and REST; empty: the embedded server."""
TARGET_SETUP: Final = os.environ.get("CONFORMANCE_SETUP", "main")
"""The setup that the server at that address was started with."""
OURS: Final = ("--require_manifest=false", "--enable_reload_config_request=true")
"""Flags that TensorFlow Serving has no need of: foreign models, and reloads by anybody."""
FAST_POLL: Final = "--file_system_poll_wait_seconds=0.5"


@dataclass(frozen=True)
class Protocols:
    """Where one server answers."""

    rest: str
    channel: grpc.Channel = field(repr=False)


def write_setup(setup: Json, models: Path, folder: Path) -> list[str]:
    """Write a setup's configuration files; its flags, with real folders in them."""
    folder.mkdir(parents=True, exist_ok=True)

    def real(text: str) -> str:
        return text.replace("{MODELS}", str(models)).replace("{DIR}", str(folder))

    for name, text in setup["files"].items():
        (folder / name).write_text(real(text), encoding="utf-8")
    return [real(flag) for flag in setup["flags"]]


@contextmanager
def protocols_of(grpc_address: str, rest_address: str) -> Iterator[Protocols]:
    """A channel to a server that runs."""
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    with grpc.insecure_channel(grpc_address, options=options) as channel:
        yield Protocols(rest_address, channel)


@contextmanager
def embedded(flags: list[str]) -> Iterator[Protocols]:
    """Start the embedded server with these flags, and end it afterwards."""
    kept = [flag for flag in flags if not flag.startswith("--file_system_poll_wait_seconds")]
    ports = [f"--port={free_port()}", f"--rest_api_port={free_port()}"]
    settings = read(ServerSettings, [*kept, *OURS, *ports, FAST_POLL])
    server = Server(settings)
    server.load()
    server.start()
    try:
        with protocols_of(
            f"127.0.0.1:{settings.port}", f"127.0.0.1:{settings.rest_api_port}"
        ) as protocols:
            yield protocols
    finally:
        server.drain(1)


Open = Callable[[tuple[str, str]], Protocols]
"""The protocols of a stage: a setup and a group."""


def read_setups(folder: Path) -> dict[str, Json]:
    """How the recorded servers were started, by name."""
    return dict(json.loads((folder / "setups.json").read_text(encoding="utf-8")))


def skip_reason(stage: tuple[str, str]) -> str:
    """Why a request of this stage cannot be sent to the server under test; empty if it can."""
    setup, group = stage
    if TARGET and group:
        return (
            "requests that build on one another need a server started anew for each group of them"
        )
    if TARGET and setup != TARGET_SETUP:
        return f"the server at CONFORMANCE_TARGET runs the setup {TARGET_SETUP}, not {setup}"
    return ""


def main(out: Path, name: str) -> None:
    """Make the models and a setup's files below a folder, and print the flags to start a server
    with."""
    models = out / "models"
    subprocess.run([sys.executable, str(HERE / "make_models.py"), str(models)], check=True)
    print(*write_setup(read_setups(RECORDINGS)[name], models.resolve(), out.resolve()), sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
