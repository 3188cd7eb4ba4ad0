"""Open a client: check what was asked for, and choose the transport."""

import math

from digits.contract import MODEL_NAME
from serving.client.checks import Address, split_server
from serving.client.client import Client
from serving.client.errors import InvalidRequestError
from serving.client.transport.access import Access
from serving.client.transport.interface import Transport


def connect(
    server: str,
    *,
    model: str = MODEL_NAME,
    version: int | None = None,
    deadline: float = 5.0,
    access: Access | None = None,
) -> Client:
    """Make a client of one model on one server; nothing is sent yet.

    Args:
        server: `grpc://host:port` or `rest://host:port`; with TLS `grpcs://` or `https://`.
        model: name the model is served under.
        version: the one to ask; by default the newest that is available, from call to call.
        deadline: seconds that each call to the server may take, retries included. Large inputs are
            several calls.
        access: certificates, and headers such as a token, where the server asks for them.

    Raises:
        InvalidRequestError: one of these cannot be used.
    """
    address = split_server(server)
    if not (math.isfinite(deadline) and deadline > 0):
        raise InvalidRequestError(
            f"expected a deadline above 0 seconds; received {deadline}; give for example 5"
        )
    if not model:
        raise InvalidRequestError(
            f"expected a model's name; received an empty one; give for example {MODEL_NAME}"
        )
    if version is not None and version < 1:
        raise InvalidRequestError(
            f"expected a version of 1 or more; received {version}; leave it out to ask the newest"
        )
    return Client(open_transport(address, model, version, access or Access()), deadline)


def open_transport(address: Address, model: str, version: int | None, access: Access) -> Transport:
    """The transport for an address, on its own without retries. Imports only the library that is
    used: either one is a good part of a small process."""
    if address.protocol == "grpc":
        from serving.client.transport.over_grpc import GrpcTransport  # noqa: PLC0415

        return GrpcTransport(address, model, version, access)
    from serving.client.transport.over_rest import RestTransport  # noqa: PLC0415

    return RestTransport(address, model, version, access)
