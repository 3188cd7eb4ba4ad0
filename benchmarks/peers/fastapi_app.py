"""FastAPI around the SavedModel, as its tutorial shows: `uvicorn
benchmarks.peers.fastapi_app:app`."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.peers.saved_model import load

app = FastAPI()
_model = load()


class Instances(BaseModel):
    """Images, each 28 rows of 28 pixels 0..255."""

    instances: list[list[list[int]]]


@app.post("/predict")
def predict(body: Instances) -> dict[str, Any]:
    """One answer for each image."""
    return {"predictions": _model(body.instances)}
