"""What the embedded server is held against: FastAPI around Keras, as people write it after the
first tutorial.

The weights are conv3's first ones: how long it takes does not depend on them.
"""

import sys

import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.serving.protocols import HOST
from trainer.networks.architecture import build


class Body(BaseModel):
    """Images, 0..255, [n][28][28]."""

    images: list[list[list[int]]]


def make() -> FastAPI:
    """The application: one model, one route."""
    model = build("conv3", seed=1)
    app = FastAPI()

    @app.post("/predict")
    def predict(body: Body) -> dict[str, object]:
        images = np.array(body.images, dtype="float32")[..., None] / 255
        probabilities = model.predict(images, verbose=0)
        return {
            "probabilities": probabilities.tolist(),
            "digits": probabilities.argmax(axis=1).tolist(),
        }

    return app


if __name__ == "__main__":
    uvicorn.run(make(), host=HOST, port=int(sys.argv[1]), log_level="warning")
