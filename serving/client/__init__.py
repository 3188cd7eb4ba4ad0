"""The client of a served model, over gRPC or REST, without TensorFlow.

    import pathlib, serving.client

    with serving.client.connect("grpc://localhost:8500") as client:
        for drawing in client.read([pathlib.Path("seven.png").read_bytes()]):
            print(drawing.label, drawing.probabilities.max(), drawing.problem.sentence)

`client.read_number(picture)` reads several digits in one picture.
It works with TensorFlow Serving and with `serving.server` alike. On the command line: `python -m
serving.client --help`.
"""

from serving.client.calls import DRAWINGS_PER_CALL, IMAGES_PER_CALL
from serving.client.client import Client
from serving.client.connection import connect
from serving.client.errors import (
    ClientError,
    ContractMismatchError,
    DeadlineExceededError,
    InvalidRequestError,
    NotFoundError,
    ServerFailedError,
    TooManyDigitsError,
    UnavailableError,
)
from serving.client.predictions import Drawing, Explanation, Prediction, VersionStatus
from serving.client.transport.access import Access

__all__ = [
    "DRAWINGS_PER_CALL",
    "IMAGES_PER_CALL",
    "Access",
    "Client",
    "ClientError",
    "ContractMismatchError",
    "DeadlineExceededError",
    "Drawing",
    "Explanation",
    "InvalidRequestError",
    "NotFoundError",
    "Prediction",
    "ServerFailedError",
    "TooManyDigitsError",
    "UnavailableError",
    "VersionStatus",
    "connect",
]
