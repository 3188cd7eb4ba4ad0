"""Settings of the command line client."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from digits.contract import MODEL_NAME
from digits.settings import Settings
from serving.client.checks import split_server
from serving.client.errors import InvalidRequestError


def _a_server(server: str) -> str:
    try:
        split_server(server)
    except InvalidRequestError:
        raise ValueError("grpc://host:port or rest://host:port") from None
    return server


class ClientSettings(Settings):
    """Ask a served model: `predict FILE ...`, `number FILE ...` for whole numbers, `status`, or
    `wait` until it can answer."""

    program: ClassVar[str] = "python -m serving.client"
    env_prefix: ClassVar[str] = "INKWELL_CLIENT_"

    server: Annotated[str, AfterValidator(_a_server)] = Field(
        default="grpc://localhost:8500",
        description="model server to ask: grpc://host:port or rest://host:port",
    )
    model: str = Field(
        default=MODEL_NAME, min_length=1, description="name the model is served under"
    )
    deadline: float = Field(
        default=5.0,
        gt=0,
        le=600,
        description="longest wait for one answer of the server, in seconds",
    )
    timeout: float = Field(
        default=60.0, gt=0, le=86400, description="longest that `wait` waits, in seconds"
    )
