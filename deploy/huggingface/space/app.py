"""What the Space runs: the embedded server, for this machine alone, and the page on port 7860 of
every address.

Needs the standard library only; the two programs run as processes of their own. When one of them
ends, the Space ends.
"""

import os
import signal
import subprocess
import sys
import time
from typing import Final

PAGE_PORT: Final = 7860
"""`app_port` of the Space's README.md."""
GRPC_PORT: Final = 8500
_MODELS: Final = "serving/tensorflow_serving/models.config"
_MODEL_DEADLINE: Final = 600
"""Seconds until the models must answer, on two processors that others use too."""
_POLL: Final = 1.0
"""Seconds between two looks at the processes."""
_DRAIN: Final = 20
"""Seconds a process has to finish what it was asked before it is killed."""

Process = subprocess.Popen[bytes]


def main(page_port: int = PAGE_PORT, grpc_port: int = GRPC_PORT) -> int:
    """Start the server, wait for its model, start the page, and stay until one of them ends.

    Returns:
        Exit code of the process that ended, 1 where that was 0; 0 after SIGTERM.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    server = f"grpc://127.0.0.1:{grpc_port}"
    # The names that Hugging Face serves the Space under; the page answers to no others.
    hosts = os.environ.get("SPACE_HOST")
    names = (f"--hosts={hosts}",) if hosts else ()
    running: list[Process] = []
    try:
        models = f"--model_config_file={_MODELS}", "--model_config_root=."
        running.append(
            _start("serving.server", *models, f"--port={grpc_port}", "--rest_api_port=0")
        )
        waiter = _start(
            "serving.client", "wait", f"--server={server}", f"--timeout={_MODEL_DEADLINE}"
        )
        if code := waiter.wait():
            return code
        where = "--host=0.0.0.0", f"--port={page_port}"  # a Space is public
        compared = "--compare=conv3,conv5,conv7", "--models=models"
        running.append(_start("ui", f"--server={server}", *where, *names, *compared))
        while all(process.poll() is None for process in running):
            time.sleep(_POLL)
        return next(process.returncode for process in running if process.poll() is not None) or 1
    finally:
        _stop(running)


def _start(module: str, *flags: str) -> Process:
    return subprocess.Popen([sys.executable, "-m", module, *flags])  # noqa: S603 - our own modules


def _stop(running: list[Process]) -> None:
    """End the page before its server; both drain on SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for process in reversed(running):
        process.terminate()
        try:
            process.wait(_DRAIN)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    sys.exit(main())
