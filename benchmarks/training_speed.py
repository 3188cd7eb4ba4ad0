"""How fast we train, against the notebook's code and against the machine: `python -m
benchmarks.training_speed`.

All in one run and interleaved, since a machine's speed drifts: a round is some steps of each, and
the trainings to the notebook's accuracy take turns epoch by epoch. Writes
results/training-speed.json.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from benchmarks import keras_baseline
from benchmarks.cropped_conv import cropped
from benchmarks.options import add_data, options
from digits.files import write_synced
from trainer.data.dataset import MNIST, load
from trainer.data.split import Split, split
from trainer.evaluation.published_baseline import REFERENCES
from trainer.networks.architecture import ARCHITECTURES, build
from trainer.provenance import Provenance, describe_command
from trainer.recipes import RECIPES
from trainer.training.device import choose_device, choose_precision
from trainer.training.fit import fit
from trainer.training.state import create_state
from trainer.training.step import compile_steps, unaugmented

SPEED_FILE: Final = "training-speed.json"
FASTEST: Final = "fast"
"""The recipe that is to reach the notebook's accuracy first."""
_TARGET: Final = REFERENCES["conv3"].accuracy
_NOTEBOOK_EPOCHS: Final = 12
_SIDE: Final = 4096
"""Rows and columns of the matrices whose product is taken as the machine's peak."""


class Spread(BaseModel):
    """Some timings of the same thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    median: float
    least: float
    most: float


class Steps(BaseModel):
    """Training steps of one network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(
        description="notebook: model.fit as one writes it; ours: the trainer's step; cropped: "
        "ours, see benchmarks.cropped_conv"
    )
    architecture: str
    precision: str
    batch_size: int = Field(description="images a step")
    ms_per_step: Spread
    images_per_s: float = Field(description="by the median")
    gflop_per_step: float = Field(
        description="multiplications and additions of forward and backward pass, 10^9, by the "
        "layers' shapes"
    )
    share_of_peak: float = Field(description="of the measured matrix product in the same precision")


class ToAccuracy(BaseModel):
    """One training until the validation images are read as well as the notebook ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(description="notebook or ours")
    recipe: str
    precision: str
    seed: int
    target: float = Field(description="share of the validation images read right")
    accuracies: tuple[float, ...] = Field(description="after each epoch")
    epochs: int | None = Field(description="epochs to the target; null: not reached")
    seconds: float | None = Field(
        description="training and validation to the target, with compilation; null: not reached"
    )
    seconds_per_epoch: Spread


class Speed(Provenance):
    """What `python -m benchmarks.training_speed` measured."""

    peak_gflop_per_s: dict[str, float] = Field(
        description=f"product of two {_SIDE} x {_SIDE} matrices, by precision, the best of its "
        "rounds"
    )
    steps: tuple[Steps, ...]
    to_accuracy: tuple[ToAccuracy, ...]
    of_the_notebooks_time_to_accuracy: float | None = Field(
        description="our median time to the target over the notebook code's"
    )
    of_the_notebooks_whole_time: float | None = Field(
        description="the same over 12 of the notebook code's epochs, by its median epoch"
    )


def main(argv: Sequence[str]) -> int:
    """Measure and write; returns the exit code."""
    arguments = _parser().parse_args(argv)
    gpus = choose_device("auto", 1, deterministic=False)
    data = load(Path(arguments.data) if arguments.data else None, MNIST, None, None)
    parts = split(data, 5_000, 1)
    steps, peak = measure_steps(parts, arguments.rounds, arguments.steps)
    trainings = measure_to_accuracy(parts, arguments.runs, arguments.notebook_epochs)
    speed = Speed(
        peak_gflop_per_s=peak,
        steps=steps,
        to_accuracy=trainings,
        **_ratios(trainings),
        **Provenance.now(describe_command("benchmarks.training_speed", argv), gpus).model_dump(),
    )
    arguments.results.mkdir(parents=True, exist_ok=True)
    write_synced(
        arguments.results / SPEED_FILE, TypeAdapter(Speed).dump_json(speed, indent=2) + b"\n"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = options("benchmarks.training_speed", __doc__)
    add_data(parser)
    parser.add_argument(
        "--rounds", type=int, default=5, help="times each step is measured (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=int, default=10, help="steps a measurement (default: %(default)s)"
    )
    parser.add_argument(
        "--runs",
        type=int,
        default=3,
        help="our trainings to the target, each with its own seed (default: %(default)s)",
    )
    parser.add_argument(
        "--notebook_epochs",
        type=int,
        default=_NOTEBOOK_EPOCHS,
        help="most epochs of the notebook's (default: %(default)s)",
    )
    return parser


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
    peak = {precision: 2 * _SIDE**3 / min(seconds[precision]) / 1e9 for precision in precisions}
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


def measure_to_accuracy(parts: Split, runs: int, notebook_epochs: int) -> tuple[ToAccuracy, ...]:
    """Train to the notebook's accuracy with its code and with ours, in turns: one of its epochs,
    one of our trainings."""
    keras.utils.set_random_seed(1)
    model, (x, y) = keras_baseline.conv3(), keras_baseline.prepare(parts.x_train, parts.y_train)
    validation = keras_baseline.prepare(parts.x_validation, parts.y_validation)
    seconds: list[float] = []
    accuracies: list[float] = []
    ours: list[ToAccuracy] = []
    while len(ours) < runs or (
        len(seconds) < notebook_epochs and max(accuracies, default=0) < _TARGET
    ):
        if len(seconds) < notebook_epochs and max(accuracies, default=0) < _TARGET:
            started = time.monotonic()
            history = model.fit(
                x,
                y,
                batch_size=keras_baseline.BATCH,
                epochs=1,
                validation_data=validation,
                verbose=0,
            )
            seconds.append(time.monotonic() - started)
            accuracies.append(history.history["val_accuracy"][0])
            print(
                f"notebook: epoch {len(seconds)}, validation accuracy {accuracies[-1]:.2%}, "
                f"{seconds[-1]:.0f} s"
            )
        if len(ours) < runs:
            ours.append(_our_training(parts, len(ours) + 1))
    return (_to_accuracy("notebook", "notebook", "float32", 1, accuracies, seconds), *ours)


def _our_training(parts: Split, seed: int) -> ToAccuracy:
    precision = choose_precision("auto")
    with tempfile.TemporaryDirectory() as folder:
        history = fit(
            build("conv3", seed=seed, precision=precision),
            parts,
            RECIPES[FASTEST],
            seed,
            Path(folder),
        )
    accuracies = [epoch.validation_accuracy for epoch in history]
    return _to_accuracy(
        "ours", FASTEST, precision, seed, accuracies, [epoch.seconds for epoch in history]
    )


def _to_accuracy(  # noqa: PLR0917 - what the record holds
    code: str,
    recipe: str,
    precision: str,
    seed: int,
    accuracies: Sequence[float],
    seconds: Sequence[float],
) -> ToAccuracy:
    reached = next(
        (number for number, accuracy in enumerate(accuracies, 1) if accuracy >= _TARGET), None
    )
    return ToAccuracy(
        code=code,
        recipe=recipe,
        precision=precision,
        seed=seed,
        target=_TARGET,
        accuracies=tuple(accuracies),
        epochs=reached,
        seconds=None if reached is None else sum(seconds[:reached]),
        seconds_per_epoch=_spread(seconds),
    )


def _ratios(trainings: Sequence[ToAccuracy]) -> dict[str, float | None]:
    theirs, *ours = trainings
    reached = [training.seconds for training in ours if training.seconds is not None]
    ours_took = median(reached) if len(reached) == len(ours) else None
    return {
        "of_the_notebooks_time_to_accuracy": ours_took / theirs.seconds
        if ours_took and theirs.seconds
        else None,
        "of_the_notebooks_whole_time": ours_took
        / (_NOTEBOOK_EPOCHS * theirs.seconds_per_epoch.median)
        if ours_took
        else None,
    }


def _notebook_steps(parts: Split, images: int) -> Callable[[], Any]:
    model, (x, y) = (
        keras_baseline.conv3(),
        keras_baseline.prepare(parts.x_train[:images], parts.y_train[:images]),
    )
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
    matrix = tf.cast(tf.random.normal([_SIDE, _SIDE]), precision)
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
        ms_per_step=_spread([1000 * took for took in seconds]),
        images_per_s=batch / median(seconds),
        gflop_per_step=work,
        share_of_peak=work / median(seconds) / peak,
    )


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median=median(values), least=min(values), most=max(values))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
