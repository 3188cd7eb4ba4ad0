"""The same SavedModel called within a process: what a server can at best be. A process of its own,
asked over its standard input.

A line in: JSON with `request`, `clients`, `seconds`.
A line out: JSON with `seconds` and the latencies in ms.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.serving.load import Call, Connect, Outcome, closed
from benchmarks.serving.protocols import Request, make
from serving.server.models.functions import Compute
from serving.server.models.loading import Loading, load_version


def main(folder: Path, images_file: Path) -> None:
    """Answer until the input ends."""
    version = load_version(
        "digits", int(folder.name), folder, how=Loading(), warm_up=lambda *_: None
    )
    images = np.load(images_file)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        sample = closed(
            _connect(version.functions, make(order["request"], images)),
            order["clients"],
            order["seconds"],
        )
        print(
            json.dumps(
                {"seconds": sample.seconds, "latencies": sample.latencies[Outcome.ANSWERED]}
            ),
            flush=True,
        )


def _connect(functions: Mapping[str, Compute], request: Request) -> Connect:
    compute = functions[request.signature]
    values: Any = (
        np.array(request.values, dtype=object)
        if isinstance(request.values, list)
        else request.values
    )

    def call() -> Outcome:
        compute([values])
        return Outcome.ANSWERED

    @contextmanager
    def connect() -> Iterator[Call]:
        yield call

    return connect


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
