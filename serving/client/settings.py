"""Settings of the command line client."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from digits.contract import MODEL_NAME
from digits.settings import Settings
from serving.client.checks import split_server
from serving.client.errors import InvalidRequestError
from serving.client.transport.access import Access, read_headers


def _a_server(server: str) -> str:
    try:
        split_server(server)
    except InvalidRequestError:
        raise ValueError(
            "grpc://host:port or rest://host:port (with TLS: grpcs or https)"
        ) from None
    return server


class AccessSettings(Settings):
    """Which server a program asks, and how it is reached."""

    server: Annotated[str, AfterValidator(_a_server)] = Field(
        default="grpc://localhost:8500",
        description="model server to ask: grpc://host:port or rest://host:port; with TLS "
        "grpcs://host:port or https://host:port",
    )
    ca: Path | None = Field(
        default=None,
        description="PEM file with the authorities to trust for TLS; default: the machine's",
    )
    certificate: Path | None = Field(
        default=None, description="PEM file with the client's own certificate for TLS"
    )
    key: Path | None = Field(default=None, description="PEM file with the key of that certificate")
    headers_file: Path | None = Field(
        default=None,
        description="file with a line for each header sent with every call, such as "
        "'authorization: Bearer ...'",
    )

    def access(self) -> Access:
        """The certificates and headers.

        Raises:
            InvalidRequestError: the headers cannot be used.
        """
        return Access(self.ca, self.certificate, self.key, read_headers(self.headers_file))


class ClientSettings(AccessSettings):
    """Ask a served model: `predict FILE ...`, `number FILE ...` for whole numbers, `status`, or
    `wait` until it can answer."""

    program: ClassVar[str] = "python -m serving.client"
    env_prefix: ClassVar[str] = "INKWELL_CLIENT_"

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
