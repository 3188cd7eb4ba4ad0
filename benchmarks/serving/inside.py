"""The same SavedModel called within a process: what a server can at best be. A process of its own,
asked over its standard input.

A line in: JSON with `request`, `clients`, `seconds`, and `batched`: whether TensorFlow's scheduler
joins the calls.
A line out: JSON with `seconds` and the latencies in ms.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.serving.load import Call, Connect, Outcome, closed
from benchmarks.serving.protocols import Request, make
from serving.server.models.batching import batch, read_batching
from serving.server.models.loading import Loading, load_version

Function = Callable[..., Mapping[str, tf.Tensor]]


def main(folder: Path, batching_file: Path, images_file: Path) -> None:
    """Answer until the input ends."""
    threads = os.cpu_count() or 1
    tf.config.threading.set_inter_op_parallelism_threads(
        2 * threads
    )  # as the embedded server does with batching
    version = load_version(
        "digits", int(folder.name), folder, how=Loading(), warm_up=lambda *_: None
    )
    batching = read_batching(batching_file, threads)
    joined = {
        name: batch(version.functions[name], version.signatures[name], batching)
        for name in version.signatures
    }
    images = np.load(images_file)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        functions = joined if order["batched"] else version.functions
        sample = closed(
            _connect(functions, make(order["request"], images)), order["clients"], order["seconds"]
        )
        print(
            json.dumps(
                {"seconds": sample.seconds, "latencies": sample.latencies[Outcome.ANSWERED]}
            ),
            flush=True,
        )


def _connect(functions: Mapping[str, Function], request: Request) -> Connect:
    function = functions[request.signature]
    name = "png" if isinstance(request.values, list) else "images"
    values: Any = (
        np.array(request.values, dtype=object)
        if isinstance(request.values, list)
        else request.values
    )

    def call() -> Outcome:
        answer = function(**{name: tf.constant(values)})
        for tensor in answer.values():
            tensor.numpy()
        return Outcome.ANSWERED

    @contextmanager
    def connect() -> Iterator[Call]:
        yield call

    return connect


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
