"""Prove that an exported SavedModel keeps the contract and answers as the network was trained."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import predict_pb2

from digits import contract
from digits.contract import DRAWINGS, IMAGE_SIZE, OOD_SCORE, PIXEL_MAX, PREDICT, TOLERANCES
from digits.errors import VersionError
from saved_model.graph import read_signatures
from saved_model.warmup import read_warmup
from trainer.errors import ExportError
from trainer.evaluation.temperature import UNCHANGED, calibrate
from trainer.export import signatures
from trainer.export.ood import Detector, Score, scorer
from trainer.export.saved_model import precision_of
from trainer.networks.inference import as_input

SCORE_TOLERANCES: Final = {"float32": 1e-4, "bfloat16": 0.2}
"""Largest difference between two scores that should be the same, each the sum of thousands of
numbers."""
_BATCHES: Final = (1, 7, 64)
_SEED: Final = 20260
"""Of the images that the two are compared on."""

Signatures = dict[str, Callable[..., dict[str, tf.Tensor]]]


def check(
    model: keras.Model,
    folder: Path,
    temperature: float = UNCHANGED,
    detector: Detector | None = None,
) -> None:
    """Load the SavedModel in `folder` again and compare it with the contract and with `model`.

    Args:
        model: what was exported.
        folder: where to.
        temperature: with which.
        detector: with which.

    Raises:
        ExportError: naming what differs: a signature, a probability by more than its tolerance, a
            score, or a warm-up request that fails.
    """
    try:
        _check_signatures(
            read_signatures(folder),
            signatures.promised(model, scored=detector is not None),
        )
        requests = _warmup_requests(folder)
        loaded = tf.saved_model.load(str(folder)).signatures
    except (OSError, VersionError, tf.errors.OpError, ValueError) as error:
        raise ExportError(
            f"expected a SavedModel that loads; received: {_first_line(error)}; export it again"
        ) from error
    with exact_float32():
        for batch in _BATCHES:
            _check_answers(model, loaded, batch, temperature)
        if detector:
            _check_scores(scorer(model, detector), loaded, SCORE_TOLERANCES[precision_of(model)])
        for request in requests:
            _replay(request, loaded)


@contextmanager
def exact_float32() -> Iterator[None]:
    """Let GPUs multiply float32 as float32: by default those since Ampere round to TF32 first, with
    ten bits, which alone makes probabilities differ by more than the tolerance. Processors do not
    care."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def _check_signatures(
    found: dict[str, contract.Signature], promised: dict[str, contract.Signature]
) -> None:
    if found.keys() != promised.keys():
        raise ExportError(
            f"expected the signatures {sorted(promised)}; received {sorted(found)}; export it again"
        )
    for name, signature in promised.items():
        for side, expected, received in (
            ("input", signature.inputs, found[name].inputs),
            ("output", signature.outputs, found[name].outputs),
        ):
            if set(expected) != set(received):
                raise ExportError(
                    f"expected the {side}s of '{name}' to be {sorted(expected, key=str)}; "
                    f"received {sorted(received, key=str)}; export it again"
                )


def _check_answers(model: keras.Model, loaded: Signatures, batch: int, temperature: float) -> None:
    images = _digit_like(batch)
    expected = calibrate(model(as_input(tf.constant(images)), training=False), temperature).numpy()
    received = loaded[PREDICT](images=tf.constant(images))["probabilities"].numpy()
    difference = float(np.max(np.abs(expected - received)))
    tolerance = TOLERANCES[precision_of(model)]
    if not difference <= tolerance:  # so that a difference that is no number fails too
        raise ExportError(
            f"expected the trained network's calibrated probabilities within {tolerance:g} at "
            f"batch size {batch}; received a difference of {difference:.3g}; export it again"
        )


def _check_scores(score: Score, loaded: Signatures, tolerance: float) -> None:
    """The score of drawings against that of the images which the SavedModel says it saw."""
    drawings = tf.constant(
        [tf.io.encode_png(image[..., tf.newaxis]).numpy() for image in _digit_like(_BATCHES[1])]
    )
    answers = loaded[DRAWINGS](png=drawings)
    difference = float(
        np.max(np.abs(score(as_input(answers["images"])).numpy() - answers[OOD_SCORE].numpy()))
    )
    if not difference <= tolerance:
        raise ExportError(
            f"expected the fitted score within {tolerance:g}; received a difference of "
            f"{difference:.3g}; export it again"
        )


def _digit_like(count: int) -> npt.NDArray[np.uint8]:
    """Random strokes, uint8 [count, 28, 28]: each a crooked line through the middle, blurred as
    pens are, with some noise."""
    generator = np.random.default_rng(_SEED + count)
    inside = slice(4, IMAGE_SIZE - 4)
    images = generator.integers(0, 8, (count, IMAGE_SIZE, IMAGE_SIZE)).astype(np.float32)
    for image in images:
        columns = 14 + np.cumsum(generator.integers(-2, 3, IMAGE_SIZE)).clip(-8, 8)
        for row, column in enumerate(columns[inside], start=inside.start):
            image[row, column - 1 : column + 2] += generator.uniform(64, PIXEL_MAX, 3)
    if count > 1:
        images[::2] = images[::2].transpose(0, 2, 1)
    return images.clip(0, PIXEL_MAX).astype(np.uint8)


def _warmup_requests(folder: Path) -> list[predict_pb2.PredictRequest]:
    try:
        requests = [log.predict_log.request for log in read_warmup(folder)]
    except (DecodeError, tf.errors.OpError) as error:
        raise ExportError(
            f"expected a warm-up file with requests; received: {_first_line(error)}; export it "
            "again"
        ) from error
    if not requests:
        raise ExportError(
            "expected a warm-up file with requests; received an empty one; export it again"
        )
    return requests


def _replay(request: predict_pb2.PredictRequest, loaded: Signatures) -> None:
    name = request.model_spec.signature_name
    try:
        loaded[name](
            **{key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()}
        )
    except (KeyError, TypeError, tf.errors.OpError) as error:
        raise ExportError(
            f"expected every warm-up request to be answered; received from '{name}': "
            f"{_first_line(error)}; export it again"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
