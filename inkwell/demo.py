"""`make demo`: the embedded server and the page, each a process of its own, until Ctrl-C or until
one of them ends."""

import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import Field

from digits.settings import Settings, load

HOST: Final = "127.0.0.1"
_CONFIG: Final = Path(__file__).parents[1] / "serving/tensorflow_serving"
COMPARED: Final = "conv3,conv5,conv7"
"""The networks that the page asks beside the best one, which is `digits`."""
_POLL: Final = 0.2
"""Seconds between two looks at the processes."""
_MODEL_DEADLINE: Final = 600
"""Seconds until the model must answer; loading TensorFlow for the first time takes most of them."""
_DRAIN: Final = 20
"""Seconds a process has to finish what it was asked before it is killed."""

Process = subprocess.Popen[bytes]
Port = Annotated[int, Field(ge=1, le=65_535)]


class DemoSettings(Settings):
    """The embedded server with the released models, and the page to draw on."""

    program: ClassVar[str] = "python -m inkwell.demo"
    env_prefix: ClassVar[str] = "INKWELL_DEMO_"

    page_port: Port = Field(default=7860, description="where the page is opened")
    grpc_port: Port = Field(default=8500, description="where the server answers gRPC")
    rest_port: Port = Field(default=8501, description="where the server answers REST")


def main(argv: Sequence[str]) -> int:
    """Serve on the ports of the command line, where all of them are free; returns the exit code."""
    ports = load(DemoSettings, argv)
    for name in ("page_port", "grpc_port", "rest_port"):
        if _answers(port := getattr(ports, name)):
            print(
                f"demo: expected port {port} to be free; something answers there; choose another "
                f"with {name.upper()}=",
                file=sys.stderr,
            )
            return 1
    return serve(ports.grpc_port, ports.rest_port, ports.page_port)


def serve(
    grpc_port: int, rest_port: int, page_port: int, *, host: str = HOST, page: Sequence[str] = ()
) -> int:
    """Start the server, wait for its model, start the page, and stay until one of them ends.

    Args:
        grpc_port: of the server, on this machine alone.
        rest_port: of the server; 0 for none.
        page_port: of the page.
        host: address that the page listens on.
        page: further flags of the page.

    Returns:
        0 after SIGINT or SIGTERM, else the exit code of the process that ended; 1 where that is 0.
    """
    # SIGINT too: a shell starts what runs in its background without it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    running: list[Process] = []
    flags = ["--host", host, "--port", str(page_port), *page]
    try:
        return _run(grpc_port, rest_port, page_port, flags, running)
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(running)


def _run(
    grpc_port: int, rest_port: int, page_port: int, flags: Sequence[str], running: list[Process]
) -> int:
    """Bring the chain up one link at a time; `running` receives each process as it starts."""

    def start(module: str, *flags: str) -> Process:
        # A process group of its own: Ctrl-C reaches this program alone, which then ends the others
        # in order.
        running.append(subprocess.Popen([sys.executable, "-m", module, *flags], process_group=0))  # noqa: S603 - our own modules
        return running[-1]

    address = f"grpc://{HOST}:{grpc_port}"
    server = start(
        "serving.server",
        f"--model_config_file={_CONFIG / 'models.config'}",
        "--model_config_root=.",
        f"--monitoring_config_file={_CONFIG / 'monitoring.config'}",
        f"--port={grpc_port}",
        f"--rest_api_port={rest_port}",
    )
    waiter = start("serving.client", "wait", "--server", address, "--timeout", str(_MODEL_DEADLINE))
    code = _until(lambda: waiter.poll() is not None, [server]) or waiter.returncode
    if code:
        return code
    running.remove(waiter)
    page = start("ui", "--server", address, *flags, "--compare", COMPARED, "--models", "models")
    code = _until(lambda: _answers(page_port), [server, page])
    if code is None:
        _announce(f"http://{HOST}:{page_port}")
        code = _until(lambda: False, [server, page])
    return code or 0


def _until(done: Callable[[], bool], needed: Sequence[Process]) -> int | None:
    """Wait until `done`, or until a needed process ends; then its exit code, or 1 where it ended
    well but too early."""
    while not done():
        for process in needed:
            if process.poll() is not None:
                return process.returncode or 1
        time.sleep(_POLL)
    return None


def _announce(url: str) -> None:
    print(f"\nDraw a digit: {url}   (Ctrl-C ends the server and the page)\n", flush=True)
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)


def _stop(running: Sequence[Process]) -> None:
    """End the page before its server; both drain on SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for process in reversed(running):
        process.terminate()
        try:
            process.wait(_DRAIN)
        except subprocess.TimeoutExpired:
            process.kill()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
