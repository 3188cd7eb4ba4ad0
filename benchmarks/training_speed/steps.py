"""Training steps of the notebook's code and of ours, timed in turns with the machine's peak."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks import keras_baseline
from benchmarks.cropped_conv import cropped
from benchmarks.training_speed.record import SIDE, Steps, spread_of
from trainer.data.split import Split
from trainer.networks.architecture import ARCHITECTURES, build
from trainer.recipes import RECIPES
from trainer.training.device import choose_precision
from trainer.training.state import create_state
from trainer.training.step import compile_steps, unaugmented


def measure_steps(
    parts: Split, rounds: int, steps: int
) -> tuple[tuple[Steps, ...], dict[str, float]]:
    """Time `steps` training steps of each network in turn, `rounds` times, and the matrix product
    between them."""
    precisions: dict[str, None] = dict.fromkeys(["float32", choose_precision("auto")])
    batch = keras_baseline.BATCH
    order = np.arange(steps * batch, dtype=np.int32).reshape(steps, batch)
    doings: dict[tuple[str, str, str], Callable[[], Any]] = {
        ("notebook", "conv3", "float32"): _notebook_steps(parts, steps * batch)
    }
    for precision in precisions:
        for name in ARCHITECTURES:
            doings["ours", name, precision] = _our_steps(
                parts, build(name, seed=1, precision=precision), order
            )
            doings["cropped", name, precision] = _our_steps(
                parts, cropped(build(name, seed=1, precision=precision)), order
            )
    products = {precision: _product(precision) for precision in precisions}
    seconds: dict[Any, list[float]] = {key: [] for key in [*doings, *products]}
    for number in range(rounds + 1):  # the first round compiles and is dropped
        for key, do in [*doings.items(), *products.items()]:
            took = _timed(do)
            if number:
                seconds[key].append(took)
    peak = {precision: 2 * SIDE**3 / min(seconds[precision]) / 1e9 for precision in precisions}
    work = {name: 3 * batch * multiply_adds(build(name)) * 2 / 1e9 for name in ARCHITECTURES}
    return tuple(
        _steps(key, [took / steps for took in seconds[key]], work[key[1]], peak[key[2]], batch)
        for key in doings
    ), peak


def multiply_adds(model: keras.Model) -> int:
    """Multiplications with additions of one image's forward pass through convolutions and dense
    layers."""
    count = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            count += int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:3]))
        elif isinstance(layer, keras.layers.Dense):
            count += int(np.prod(layer.kernel.shape))
    return count


def _notebook_steps(parts: Split, images: int) -> Callable[[], Any]:
    model = keras_baseline.conv3()
    x, y = keras_baseline.prepare(parts.x_train[:images], parts.y_train[:images])
    return lambda: model.fit(x, y, batch_size=keras_baseline.BATCH, epochs=1, verbose=0)


def _our_steps(parts: Split, model: keras.Model, order: Any) -> Callable[[], Any]:
    recipe = RECIPES["notebook"]
    train = compile_steps(
        create_state(model, recipe, len(parts.y_train)),
        parts,
        recipe.averaging,
        [order.shape],
        xla=bool(tf.config.get_visible_devices("GPU")),
    )
    data = unaugmented(parts, model.output_shape[-1])(1)
    return lambda: train(data, order)


def _product(precision: str) -> Callable[[], Any]:
    matrix = tf.cast(tf.random.normal([SIDE, SIDE]), precision)
    multiply = tf.function(lambda: tf.linalg.matmul(matrix, matrix)[0, 0])
    return lambda: multiply().numpy()


def _timed(do: Callable[[], Any]) -> float:
    started = time.monotonic()
    do()
    return time.monotonic() - started


def _steps(
    key: tuple[str, str, str], seconds: Sequence[float], work: float, peak: float, batch: int
) -> Steps:
    return Steps(
        code=key[0],
        architecture=key[1],
        precision=key[2],
        batch_size=batch,
        ms_per_step=spread_of([1000 * took for took in seconds]),
        images_per_s=batch / median(seconds),
        gflop_per_step=work,
        share_of_peak=work / median(seconds) / peak,
    )
