"""REST: the model server's second protocol, usually port 8501. Images are larger there and the
version is not told."""

import base64
import json
import time
from collections.abc import Sequence
from typing import Any, Final, NoReturn
from urllib.parse import quote

import httpx
import numpy as np
from google.protobuf import json_format
from numpy.typing import NDArray

from digits.contract import Signature
from serving.client.checks import Address
from serving.client.errors import ClientError, ServerFailedError, from_code
from serving.client.predictions import VersionStatus
from serving.client.transport import messages
from serving.client.transport.access import Access, tls_context
from serving.client.transport.descriptions import to_signatures, to_statuses
from serving.client.transport.interface import MESSAGE_MAX_BYTES, Reply, Served

_CODES: Final = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",  # a proxy says so when the server behind it is away
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""The status code behind each HTTP status. Source: TensorFlow Serving's http_server.cc; 413 and 502
are other servers'."""


_AS_TEXT: Final = {"string": "str"}
"""NumPy's name for what TensorFlow calls a string."""


class RestTransport:
    """One model of one server; one pool of connections, safe to share between threads."""

    def __init__(self, address: Address, model: str, version: int | None, access: Access) -> None:
        """Prepare; connecting happens with the first call. Without a version the newest answers."""
        self._model = model
        self._server = f"{'https' if address.tls else 'rest'}://{address.place}"
        self._url = (
            f"http{'s' if address.tls else ''}://{address.place}/v1/models/{quote(model, safe='')}"
        )
        if version is not None:
            self._url += f"/versions/{version}"
        self._http = httpx.Client(
            trust_env=False,  # a model server is a neighbour, not behind a proxy
            headers=dict(access.headers),
            verify=tls_context(access) if address.tls else False,
        )

    def predict(
        self, signature: Signature, values: NDArray[np.uint8] | Sequence[bytes], timeout: float
    ) -> Reply:
        """Run one signature on its one input."""
        content = (
            values.tolist()
            if isinstance(values, np.ndarray)
            else [{"b64": base64.b64encode(value).decode()} for value in values]
        )
        body = {"signature_name": signature.name, "inputs": {signature.inputs[0].name: content}}
        outputs = self._ask("POST", ":predict", timeout, body).get("outputs")
        if not isinstance(outputs, dict):
            self._give_up("no outputs by name")
        wanted = [
            tensor for tensor in (*signature.outputs, *signature.optional) if tensor.name in outputs
        ]
        try:
            return Reply(
                {
                    tensor.name: np.array(
                        outputs[tensor.name], dtype=_AS_TEXT.get(tensor.dtype, tensor.dtype)
                    )
                    for tensor in wanted
                },
                version=None,
            )
        except (ValueError, TypeError, OverflowError):
            self._give_up("outputs that are not numbers of the contract's types")

    def status(self, timeout: float) -> list[VersionStatus]:
        """The state of every version the server knows of."""
        return to_statuses(
            self._parse(self._ask("GET", "", timeout), messages.GetModelStatusResponse())
        )

    def served(self, timeout: float) -> Served:
        """The version that answers now, and its signatures."""
        answer = self._ask("GET", "/metadata", timeout)
        try:
            version = int(answer["model_spec"]["version"])
            listed = answer["metadata"]["signature_def"]
        except (KeyError, TypeError, ValueError):
            self._give_up("metadata without version and signatures")
        return Served(version, to_signatures(self._parse(listed, messages.SignatureDefMap())))

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def _ask(
        self, verb: str, path: str, timeout: float, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """One request; returns the JSON object of a good answer."""
        end = time.monotonic() + timeout
        try:
            with self._http.stream(verb, self._url + path, json=body, timeout=timeout) as response:
                content = self._read(response, end)
        except httpx.TimeoutException as error:
            raise self._error("DEADLINE_EXCEEDED", f"nothing came for {timeout:.3g} s") from error
        except httpx.HTTPError as error:
            raise self._error("UNAVAILABLE", str(error)) from error
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if response.status_code != httpx.codes.OK:
            said = answer.get("error") if isinstance(answer, dict) else None
            code = _CODES.get(response.status_code, f"HTTP {response.status_code}")
            raise self._error(code, str(said or f"HTTP status {response.status_code}"))
        if not isinstance(answer, dict):
            self._give_up("something that is no JSON object")
        return answer

    def _read(self, response: httpx.Response, end: float) -> bytes:
        """The body, unless it is endless or drips in past the deadline; the timeouts of httpx watch
        single reads only."""
        content = bytearray()
        for block in response.iter_bytes():
            content += block
            if len(content) > MESSAGE_MAX_BYTES:
                self._give_up(f"more than {MESSAGE_MAX_BYTES} bytes")
            if time.monotonic() > end:
                raise self._error("DEADLINE_EXCEEDED", "the answer came too slowly")
        return bytes(content)

    def _parse(self, answer: dict[str, Any], message: messages.AnyMessage) -> messages.AnyMessage:
        """Read the JSON form of a message; it is the same message that gRPC carries."""
        try:
            return json_format.ParseDict(answer, message, ignore_unknown_fields=True)
        except (
            json_format.ParseError,
            TypeError,
            AttributeError,
        ):  # the last two where a list or number stands for an object
            self._give_up("JSON of another form")

    def _error(self, code: str, said: str) -> ClientError:
        return from_code(code, said, server=self._server, model=self._model)

    def _give_up(self, received: str) -> NoReturn:
        raise ServerFailedError(
            f"expected an answer of the API from {self._server}; received {received}; check what "
            "is served there"
        )
