"""Time each stage between an encoded drawing and its answer, in this process.

`make bench NAME=drawings`, or `python -m benchmarks.drawings --help`. The weights are those of the
served version, the graph is that of the code.
"""

import io
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import tensorflow as tf
from PIL import Image, ImageDraw
from pydantic import Field

from benchmarks.options import BenchmarkSettings
from benchmarks.record import record
from digits import store
from digits.contract import DRAWINGS, EXPLAIN, MODEL_NAME
from digits.settings import load
from trainer.export.signatures import endpoints
from trainer.networks.inference import as_input
from trainer.preprocessing.decode import decode
from trainer.preprocessing.drawing import PARALLEL, read_ink
from trainer.preprocessing.placing import CANVAS, Canvas, place
from trainer.training.fine_tune import read_published

RESULTS_FILE: Final = "drawings.json"
CASES: Final = {"one of 300x300": (1, 300, 300), "16 of 300x300": (16, 300, 300)} | {
    "one of 1000x800": (1, 1000, 800)
}
"""How many drawings at once, and their width and height."""
_TWO: Final = ((20, 25), (50, 8), (80, 25), (75, 45), (20, 92), (85, 92))
"""A 2 in a box of 100 x 100."""
_WARM_UP: Final = 3
_CANVAS: Final = Canvas(tf.TensorSpec([CANVAS, CANVAS], tf.float32), tf.TensorSpec([2], tf.int32))

Times = dict[str, float]
Stage = Callable[[], Any]


class DrawingsSettings(BenchmarkSettings):
    """Time each stage between a drawing and its answer."""

    program: ClassVar[str] = "python -m benchmarks.drawings"

    models: Path = Field(default=Path("models") / MODEL_NAME, description="folder of the versions")
    calls: int = Field(default=100, ge=1, description="timed calls a stage")
    threads: int = Field(
        default=1,
        ge=0,
        description="for one operation; 1: as in the embedded server; 0: TensorFlow chooses",
    )


def main(argv: Sequence[str]) -> int:
    """Measure, print and record; returns the exit code."""
    chosen = load(DrawingsSettings, argv)
    tf.config.threading.set_intra_op_parallelism_threads(chosen.threads)
    number = store.served(chosen.models)
    if number is None:
        print(
            f"{chosen.program}: expected a version in '{chosen.models}'; received "
            "none; publish one with make train",
            file=sys.stderr,
        )
        return 1
    found = measure(store.folder_of(chosen.models, number), chosen.calls)
    print(json.dumps(found, indent=2))
    whole = {"version": number, "calls": chosen.calls, "milliseconds": found}
    record(whole, chosen.results / RESULTS_FILE, "benchmarks.drawings", argv)
    return 0


def measure(folder: Path, calls: int) -> dict[str, dict[str, Times]]:
    """Milliseconds of each stage, by case; the median, the quartiles and the least of all calls.

    Args:
        folder: of a version.
        calls: how often each stage is timed.
    """
    model, manifest = read_published(folder)
    signatures = endpoints(model, manifest.labels, manifest.temperature)
    whole, explain = (
        tf.function(signatures[name], autograph=False) for name in (DRAWINGS, EXPLAIN)
    )
    network = tf.function(lambda images: model(as_input(images), training=False), autograph=False)
    found = {}
    for name, (count, width, height) in CASES.items():
        encoded = tf.constant([_draw_two(width, height)] * count)
        pixels = tf.stack([decode(one)[0] for one in encoded])
        canvas, images = _ink(pixels), whole(encoded)["images"]
        upright = tf.ones([count], tf.int32)
        stages: dict[str, Stage] = {
            "decode": partial(_decode, encoded),
            "ink": partial(_ink, pixels),
            "placing": partial(_place, canvas, upright),
            "network": partial(network, images),
            "drawings": partial(whole, encoded),
            "explain": partial(explain, images),
        }
        found[name] = {stage: _time(call, calls) for stage, call in stages.items()}
    return found


@tf.function(autograph=False)
def _decode(encoded: tf.Tensor) -> tf.Tensor:
    return tf.map_fn(
        lambda one: tf.size(decode(one)[0]),
        encoded,
        fn_output_signature=tf.int32,
        parallel_iterations=PARALLEL,
    )


@tf.function(autograph=False)
def _ink(pixels: tf.Tensor) -> Canvas:
    canvas: Canvas = tf.map_fn(
        lambda one: read_ink(one)[0],
        pixels,
        fn_output_signature=_CANVAS,
        parallel_iterations=PARALLEL,
    )
    return canvas


_place = tf.function(place, autograph=False)


def _time(call: Stage, calls: int) -> Times:
    for _ in range(_WARM_UP):
        call()
    times = []
    for _ in range(calls):
        begun = time.perf_counter()
        call()
        times.append((time.perf_counter() - begun) * 1000)
    quartiles = statistics.quantiles(times, n=4)
    return {
        "median": round(quartiles[1], 2),
        "first_quartile": round(quartiles[0], 2),
        "third_quartile": round(quartiles[2], 2),
        "least": round(min(times), 2),
    }


def _draw_two(width: int, height: int) -> bytes:
    """An encoded drawing, three fifths of the shorter side tall, with a round pen."""
    side = min(width, height)
    unit, pen = 0.6 * side / 100, side / 18
    points = [(width / 2 + (x - 50) * unit, height / 2 + (y - 50) * unit) for x, y in _TWO]
    picture = Image.new("RGB", (width, height), "white")
    canvas = ImageDraw.Draw(picture)
    canvas.line(points, fill="black", width=round(pen), joint="curve")
    for x, y in points:
        canvas.ellipse([x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2], fill="black")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
