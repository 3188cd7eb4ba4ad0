"""From what a method raises to the status of a call."""

from collections.abc import Callable
from functools import wraps
from typing import Final, TypeVar

import grpc

from serving.server.errors import as_answer

_STATUS: Final = {status.value[0]: status for status in grpc.StatusCode}
"""gRPC's status by canonical number."""
_LONGEST_TEXT: Final = 1024
"""Characters of an error; gRPC carries it in a header. Source: TensorFlow Serving cuts there
too."""

Request = TypeVar("Request")
Reply = TypeVar("Reply")
Service = TypeVar("Service")


def answering(
    method: Callable[[Service, Request, grpc.ServicerContext], Reply],
) -> Callable[[Service, Request, grpc.ServicerContext], Reply]:
    """Turn whatever `method` raises into a status; nothing of ours leaves by accident."""

    @wraps(method)
    def call(service: Service, request: Request, context: grpc.ServicerContext) -> Reply:
        try:
            return method(service, request, context)
        except Exception as error:  # noqa: BLE001 - as_answer logs what is not ours
            answer = as_answer(error)
        context.abort(_STATUS[answer.code], _cut(answer.text))
        raise AssertionError("abort raises")

    return call


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}...TRUNCATED"
