"""The warm-up file: requests that a server replays before a version serves, with the answers of the
network that the version was made from."""

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from digits.contract import WARMUP_FILE


def read_warmup(folder: Path) -> Iterator[prediction_log_pb2.PredictionLog]:
    """The records in the warm-up file of the SavedModel in `folder`; none where it has no such
    file.

    Raises:
        tensorflow.errors.OpError: the file is damaged.
        google.protobuf.message.DecodeError: a record is something else.
    """
    path = folder / WARMUP_FILE
    if path.is_file():
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            yield prediction_log_pb2.PredictionLog.FromString(record)
