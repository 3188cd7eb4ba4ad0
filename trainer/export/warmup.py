"""Requests that TensorFlow Serving replays before a version serves, so that its first real caller
does not wait."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from digits.contract import (
    CLASSIFY,
    CLASSIFY_FEATURE,
    DRAWINGS,
    EXPLAIN,
    IMAGE_SIZE,
    MODEL_NAME,
    PIXEL_MAX,
    PREDICT,
    WARMUP_FILE,
)

Functions = Mapping[str, Callable[..., Mapping[str, tf.Tensor]]]

_BATCHES: Final = (1, 8, 64)
"""Batch sizes of the plain signature; a server that batches fills them up to such sizes."""
_DRAWING_SIZE: Final = 280
"""Side of the drawings, as the page sends them."""


def write_warmup(folder: Path, functions: Functions) -> None:
    """Write the warm-up file into the SavedModel in `folder`.

    Every record is a Predict call: the only kind that is replayed whatever the signature's method
    name. Beside each request stands the answer of the network itself. Servers pass over it;
    `serving.release` compares, wherever the version has been copied to.

    Args:
        folder: where the SavedModel is.
        functions: what each signature computes, by name.
    """
    path = folder / WARMUP_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, name, value in _calls():
            writer.write(
                _record(
                    signature, name, value, functions[signature](tf.constant(value))
                ).SerializeToString()
            )


def _calls() -> Iterator[tuple[str, str, npt.NDArray[np.generic]]]:
    """Signature, input and value of every call."""
    for batch in _BATCHES:
        yield PREDICT, "images", np.repeat(_stroke(IMAGE_SIZE)[np.newaxis], batch, axis=0)
    png = tf.io.encode_png(_stroke(_DRAWING_SIZE)[..., np.newaxis]).numpy()
    yield DRAWINGS, "png", np.array([png], dtype=object)
    yield DRAWINGS, "png", np.array([png] * 4, dtype=object)
    yield EXPLAIN, "images", _stroke(IMAGE_SIZE)[np.newaxis]
    yield CLASSIFY, "inputs", np.array([_example(png)], dtype=object)


def _stroke(size: int) -> npt.NDArray[np.uint8]:
    """A bright upright stroke, uint8 [size, size]: a one."""
    picture = np.zeros((size, size), np.uint8)
    picture[size // 7 : -size // 7, size * 13 // 28 : size * 16 // 28] = PIXEL_MAX
    return picture


def _example(png: bytes) -> bytes:
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[png]))
    serialized: bytes = tf.train.Example(
        features=tf.train.Features(feature={CLASSIFY_FEATURE: feature})
    ).SerializeToString()
    return serialized


def _record(
    signature: str, name: str, value: npt.NDArray[np.generic], answer: Mapping[str, tf.Tensor]
) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL_NAME
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    response = predict_pb2.PredictResponse(
        outputs={key: tf.make_tensor_proto(tensor.numpy()) for key, tensor in answer.items()}
    )
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request, response=response)
    )
