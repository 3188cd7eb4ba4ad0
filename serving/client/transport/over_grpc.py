"""gRPC: the model server's first protocol, usually port 8500."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

import grpc
import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from digits.contract import Signature
from serving.client.checks import Address
from serving.client.errors import ServerFailedError, from_code
from serving.client.predictions import VersionStatus
from serving.client.transport import messages
from serving.client.transport.access import Access, read_pem, tls_context
from serving.client.transport.descriptions import to_signatures, to_statuses
from serving.client.transport.interface import MESSAGE_MAX_BYTES, Reply, Served
from serving.client.transport.tensors import decode, encode

_OPTIONS: Final = (
    ("grpc.max_send_message_length", MESSAGE_MAX_BYTES),
    ("grpc.max_receive_message_length", MESSAGE_MAX_BYTES),
    # A model server is a neighbour; and this package reads no environment.
    ("grpc.enable_http_proxy", 0),
    # Else channels to one address would share a connection, and a new one be as dead as the old.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # The default of two minutes would hide that the server is back.
    ("grpc.max_reconnect_backoff_ms", 1000),
    # After 30 s, by default, it would learn that a name has a new server behind it.
    ("grpc.dns_min_time_between_resolutions_ms", 500),
)
_METHODS: Final = {
    "PredictionService/Predict": (messages.PredictRequest, messages.PredictResponse),
    "PredictionService/GetModelMetadata": (
        messages.GetModelMetadataRequest,
        messages.GetModelMetadataResponse,
    ),
    "ModelService/GetModelStatus": (
        messages.GetModelStatusRequest,
        messages.GetModelStatusResponse,
    ),
}
_SIGNATURES: Final = "signature_def"
"""The only metadata the API gives."""


def _open(
    place: str, credentials: grpc.ChannelCredentials | None
) -> tuple[grpc.Channel, dict[str, Callable[..., Any]]]:
    """A channel of its own connection, and its calls by name."""
    channel = (
        grpc.insecure_channel(place, options=_OPTIONS)
        if credentials is None
        else grpc.secure_channel(place, credentials, options=_OPTIONS)
    )
    calls: dict[str, Callable[..., Any]] = {
        method: channel.unary_unary(
            f"/tensorflow.serving.{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        for method, (request, response) in _METHODS.items()
    }
    return channel, calls


def _credentials(access: Access) -> grpc.ChannelCredentials:
    tls_context(access)  # says in words what gRPC would only log
    return grpc.ssl_channel_credentials(
        read_pem(access.ca), read_pem(access.key), read_pem(access.certificate)
    )


class GrpcTransport:
    """One model of one server; one channel, safe to share between threads."""

    def __init__(self, address: Address, model: str, version: int | None, access: Access) -> None:
        """Open a channel; connecting happens with the first call. Without a version the newest
        answers."""
        self._spec = messages.ModelSpec(name=model)
        if version is not None:
            self._spec.version.value = version
        self._model = model
        self._server = f"grpc{'s' if address.tls else ''}://{address.place}"
        self._place = address.place
        self._metadata = tuple(access.headers.items())
        self._credentials = _credentials(access) if address.tls else None
        self._channel, self._calls = _open(self._place, self._credentials)

    def predict(
        self, signature: Signature, values: NDArray[np.uint8] | Sequence[bytes], timeout: float
    ) -> Reply:
        """Run one signature on its one input."""
        request = messages.PredictRequest(model_spec=self._spec)
        request.model_spec.signature_name = signature.name
        request.inputs[signature.inputs[0].name].CopyFrom(encode(values))
        answer = self._call("PredictionService/Predict", request, timeout)
        wanted = [
            tensor.name
            for tensor in (*signature.outputs, *signature.optional)
            if tensor.name in answer.outputs
        ]
        try:
            outputs = {name: decode(answer.outputs[name]) for name in wanted}
        except (ValueError, OverflowError) as error:
            self._give_up(f"an answer with {error}")
        return Reply(outputs, answer.model_spec.version.value)

    def status(self, timeout: float) -> list[VersionStatus]:
        """The state of every version the server knows of."""
        request = messages.GetModelStatusRequest(model_spec=self._spec)
        return to_statuses(self._call("ModelService/GetModelStatus", request, timeout))

    def served(self, timeout: float) -> Served:
        """The version that answers now, and its signatures."""
        request = messages.GetModelMetadataRequest(
            model_spec=self._spec, metadata_field=[_SIGNATURES]
        )
        answer = self._call("PredictionService/GetModelMetadata", request, timeout)
        try:
            listed = messages.SignatureDefMap.FromString(answer.metadata[_SIGNATURES].value)
        except DecodeError:
            self._give_up("metadata that is no list of signatures")
        return Served(answer.model_spec.version.value, to_signatures(listed))

    def close(self) -> None:
        """Close the channel; a call in flight on another thread ends as cancelled."""
        self._channel.close()

    def _call(
        self, method: str, request: messages.AnyMessage, timeout: float
    ) -> messages.AnyMessage:
        channel, calls = self._channel, self._calls
        try:
            return calls[method](request, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            code, said = error.code().name, error.details() or ""
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED and channel is self._channel:
                # The connection may be dead with nobody to say so. The old one lasts as long as
                # others' calls are on it.
                self._channel, self._calls = _open(self._place, self._credentials)
            raise from_code(code, said, server=self._server, model=self._model) from error

    def _give_up(self, received: str) -> NoReturn:
        raise ServerFailedError(
            f"expected tensors of the contract from {self._server}; received {received}; check "
            "what is served there"
        )
