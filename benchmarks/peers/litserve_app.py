"""LitServe around the SavedModel, as its documentation shows, with its batching on: `python -m
benchmarks.peers.litserve_app PORT`."""

import sys
from typing import Any

import litserve as ls  # type: ignore[import-not-found]  # it is in the peers' own environment
import numpy as np

from benchmarks.peers.saved_model import load


class Digits(ls.LitAPI):  # type: ignore[misc]  # see above
    """One image a request."""

    def setup(self, device: str) -> None:
        """Load the model in the worker's process."""
        del device
        self._model = load()

    def decode_request(self, request: dict[str, Any]) -> Any:
        """The image of a request."""
        return np.asarray(request["instances"][0], np.uint8)

    def predict(self, images: Any) -> list[dict[str, Any]]:
        """Answers for a batch."""
        return self._model(images)

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        """The JSON of one answer."""
        return {"predictions": [output]}


if __name__ == "__main__":
    api = Digits(max_batch_size=16, batch_timeout=0.005)
    ls.LitServer(api, accelerator="cpu", workers_per_device=1).run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error"
    )
