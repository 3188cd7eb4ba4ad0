"""What was measured after the training, for TensorBoard: scalars and the report's pictures, beside
the epochs' curves."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import tensorflow as tf

from trainer.disk import written
from trainer.evaluation.metrics import Scores
from trainer.evaluation.result import SETS, NetworkResult
from trainer.reports import confidence_report
from trainer.reports.results import PLOTS

LOGS: Final = Path("tensorboard") / "evaluation"
"""In the network's folder: a run of its own below the one of the epochs, so that writing it again
replaces it."""


def show(network: NetworkResult, run: Path) -> None:
    """Write the logs of one network.

    Args:
        network: what was measured.
        run: folder of the run, with the plots that `trainer.reports.report.write` made.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = run / network.architecture / LOGS
    with written("a run folder", "make room and start again, nothing is trained twice"):
        shutil.rmtree(folder, ignore_errors=True)
        writer = tf.summary.create_file_writer(str(folder))
        with writer.as_default(step=len(network.history)):
            for name, value in _scalars(network):
                tf.summary.scalar(name, value)
            for file in (
                f"confusion-{network.architecture}.png",
                *confidence_report.pictures(network),
            ):
                picture = tf.io.decode_png((run / PLOTS / file).read_bytes(), channels=3)
                tf.summary.image(file.removesuffix(".png"), picture[tf.newaxis])
        writer.close()


def _scalars(network: NetworkResult) -> Iterator[tuple[str, float]]:
    yield "temperature", network.confidence.temperature
    if network.freehand:
        yield "freehand/accuracy", network.freehand.accuracy
    for name in SETS:
        yield from ((f"{name}/{key}", value) for key, value in network.metrics(name).items())
        scores: Scores = getattr(network, name)
        for label, one in enumerate(scores.classes):
            yield f"{name}/precision/{label}", one.precision
            yield f"{name}/recall/{label}", one.recall
