"""The released model behind the embedded server, as its users start it, and a drawing to ask it
about; no TensorFlow here."""

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from serving.client import connect
from tests.support.ports import free_port

ROOT: Final = Path(__file__).parents[2]
RELEASED: Final = ROOT / "models" / "digits"


@contextmanager
def serve_released() -> Iterator[tuple[int, int]]:
    """gRPC and REST port of a running embedded server with the released models, as `make demo`
    starts it; it must end with 0 on SIGTERM."""
    grpc, rest = free_port(), free_port()
    command = [
        sys.executable,
        "-m",
        "serving.server",
        "--model_config_file=serving/tensorflow_serving/models.config",
        f"--model_config_root={ROOT}",
        f"--port={grpc}",
        f"--rest_api_port={rest}",
    ]
    with subprocess.Popen(command, cwd=ROOT) as server:
        try:
            with connect(f"grpc://127.0.0.1:{grpc}") as client:
                client.wait(300)
            yield grpc, rest
        finally:
            server.terminate()
        assert server.wait(timeout=30) == 0


def draw_seven() -> bytes:
    """A 7 with a bar, drawn with a thin pen in a corner of a large canvas, as PNG."""
    canvas = Image.new("RGB", (900, 700), "white")
    pen = ImageDraw.Draw(canvas)
    pen.line([(80, 90), (260, 85), (150, 330)], fill="black", width=7, joint="curve")
    pen.line([(120, 210), (250, 205)], fill="black", width=7)
    return as_png(canvas)


def as_png(image: Image.Image) -> bytes:
    """The bytes of a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
