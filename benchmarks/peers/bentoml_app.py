"""BentoML around the SavedModel, as its documentation shows, with its adaptive batching on:
`bentoml serve benchmarks.peers.bentoml_app:Digits`."""

from typing import Any

import bentoml  # type: ignore[import-not-found]  # it is in the peers' own environment
import numpy as np

from benchmarks.peers.saved_model import load


@bentoml.service(workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class Digits:
    """A batchable endpoint; each request has one image or more."""

    def __init__(self) -> None:
        self._model = load()

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=60_000)
    def predict(self, instances: list[list[list[int]]]) -> list[dict[str, Any]]:
        """One answer for each image."""
        return self._model(np.asarray(instances, np.uint8))
