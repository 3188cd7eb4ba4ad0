"""The released network in float32, in bfloat16 and in int8: how many of MNIST's 10,000 test digits
each reads right, and how fast.

`make bench NAME=variants`, or `python -m benchmarks.variants --help`. float32 and bfloat16 are
SavedModels as `--export_precision` makes them; int8 is LiteRT's, quantised with training images,
which no SavedModel can hold. The test set is looked at here after everything was chosen.
"""

import contextlib
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from benchmarks.options import DataBenchmarkSettings, in_one_line
from benchmarks.record import record
from digits import store
from digits.contract import LABELS, PREDICT
from digits.settings import load as load_settings
from tests.support.released_server import RELEASED
from trainer.data.arrays import Images
from trainer.data.dataset import load
from trainer.evaluation.metrics import interval
from trainer.evaluation.temperature import calibrate
from trainer.export.saved_model import export
from trainer.networks.architecture import build
from trainer.networks.inference import as_input
from trainer.settings import data_or_default
from trainer.training.fine_tune import read_published

RESULTS_FILE: Final = "variants.json"
_BATCHES: Final = (1, 64)
_ROUNDS: Final = 9
_SECONDS: Final = 1.0
"""That each variant answers for in a round."""
_SAMPLE: Final = 500
"""Training images that int8's ranges are taken from."""
_SILENT: Final = 1e-2
"""Units whose variance is below this share of the typical one hardly ever fire."""
_LOST: Final = 0.0001
"""Share of the test digits that a variant may lose. Source: the server's issue, 0.01 points."""

Probabilities = npt.NDArray[np.float32]
Answer = Callable[[Images], Probabilities]
"""From uint8 [n, 28, 28] to probabilities float32 [n, 10]."""


def variants(folder: Path, sample: Images) -> dict[str, Answer]:
    """The released network in each arithmetic."""
    number = store.served(RELEASED)
    assert number is not None
    model, manifest = read_published(store.folder_of(RELEASED, number))
    answers = {}
    for precision in ("float32", "bfloat16"):
        network = build(manifest.architecture, precision=precision)
        network.set_weights(model.get_weights())
        (folder / precision).mkdir()
        export(network, LABELS, folder / precision, manifest.temperature)
        answers[precision] = _saved(folder / precision)
    quantised = _quantised(model, sample)
    return answers | {
        "int8": lambda images: np.asarray(
            calibrate(tf.constant(quantised(images)), manifest.temperature)
        )
    }


def _saved(folder: Path) -> Answer:
    loaded = tf.saved_model.load(str(folder))
    return lambda images: np.asarray(
        loaded.signatures[PREDICT](images=tf.constant(images))["probabilities"]
    )


def _quantised(model: keras.Model, sample: Images) -> Answer:
    """The network as LiteRT computes it with 8-bit weights and activations; two threads, as the
    machine has cores."""

    def representative() -> Iterator[list[tf.Tensor]]:
        for image in sample:
            yield [as_input(tf.constant(image[np.newaxis]))]

    converter = tf.lite.TFLiteConverter.from_keras_model(_silenced(model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    with contextlib.redirect_stdout(io.StringIO()):  # it lists the graph
        content = converter.convert()
    interpreters: dict[int, Any] = {}

    def answer(images: Images) -> Probabilities:
        count = len(images)
        if count not in interpreters:
            interpreter = tf.lite.Interpreter(model_content=content, num_threads=os.cpu_count())
            interpreter.resize_tensor_input(
                interpreter.get_input_details()[0]["index"], [count, 28, 28, 1]
            )
            interpreter.allocate_tensors()
            interpreters[count] = interpreter
        interpreter = interpreters[count]
        interpreter.set_tensor(
            interpreter.get_input_details()[0]["index"], as_input(tf.constant(images)).numpy()
        )
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))

    return answer


def _silenced(model: keras.Model) -> keras.Model:
    """The same network, in which units that hardly ever fired while it trained keep silent.

    Batch norm divides by their small spread, and folded into the next layer that factor widens the
    range of its weights until int8 has no steps left for the others.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            variance = np.asarray(layer.moving_variance)
            typical = np.median(variance[variance > 0])
            layer.gamma.assign(tf.where(variance < _SILENT * typical, 0.0, layer.gamma))
    return copy


def bench(data: Path | None, test_images: int | None = None) -> dict[str, object]:
    """Ask all variants, in turns."""
    found = load(data)
    images, labels = found.x_test[:test_images], found.y_test[:test_images]
    with tempfile.TemporaryDirectory() as folder:
        answers = variants(Path(folder), found.x_train[:_SAMPLE])
        read = {name: _all(answer, images) for name, answer in answers.items()}
        speed = _speed(answers, images)
    exact = read["float32"]
    rows = [
        _row(name, probabilities, exact, labels, speed[name])
        for name, probabilities in read.items()
    ]
    return {"version": store.served(RELEASED), "test_images": len(labels), "rows": rows}


def _all(answer: Answer, images: Images) -> Probabilities:
    return np.concatenate(
        [answer(images[start : start + 100]) for start in range(0, len(images), 100)]
    )


def _row(
    name: str,
    probabilities: npt.NDArray[np.float32],
    exact: npt.NDArray[np.float32],
    labels: npt.NDArray[np.uint8],
    speed: dict[str, object],
) -> dict[str, object]:
    right, exactly_right = (
        int(np.count_nonzero(one.argmax(axis=1) == labels)) for one in (probabilities, exact)
    )
    return {
        "arithmetic": name,
        "accuracy": right / len(labels),
        "interval": list(interval(right / len(labels), len(labels))),
        "other_digits_than_float32": int(
            np.count_nonzero(probabilities.argmax(axis=1) != exact.argmax(axis=1))
        ),
        "largest_difference": float(np.max(np.abs(probabilities - exact))),
        "within_0.01_points": (exactly_right - right) / len(labels) <= _LOST,
        **speed,
    }


def _speed(answers: dict[str, Answer], images: Images) -> dict[str, dict[str, object]]:
    """Digits a second by batch size, medians over rounds in which all take turns."""
    seen: dict[tuple[str, int], list[float]] = {
        (name, batch): [] for name in answers for batch in _BATCHES
    }
    for _ in range(_ROUNDS):
        for (name, batch), rates in seen.items():
            part = images[:batch]
            answers[name](part)
            begun, calls = time.perf_counter(), 0
            while (spent := time.perf_counter() - begun) < _SECONDS:
                answers[name](part)
                calls += 1
            rates.append(calls * batch / spent)
    return {
        name: {
            f"batch{batch}_digits_per_s": {
                "median": statistics.median(seen[name, batch]),
                "least": min(seen[name, batch]),
                "most": max(seen[name, batch]),
                "over_float32": statistics.median(
                    ours / theirs
                    for ours, theirs in zip(seen[name, batch], seen["float32", batch], strict=True)
                ),
            }
            for batch in _BATCHES
        }
        for name in answers
    }


class VariantsSettings(DataBenchmarkSettings):
    """The released network in other arithmetics."""

    program: ClassVar[str] = "python -m benchmarks.variants"


@in_one_line(VariantsSettings.program)
def main(argv: Sequence[str]) -> int:
    """Measure and write; returns the exit code."""
    chosen = load_settings(VariantsSettings, argv)
    found = bench(data_or_default(chosen.data))
    print(json.dumps(found, indent=2))
    record(found, chosen.results / RESULTS_FILE, "benchmarks.variants", argv)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
