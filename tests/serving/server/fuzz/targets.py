"""What reads a stranger's bytes, each as a function of them: it may refuse in the errors it
promises, and do nothing else."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError
from tensorflow_serving.apis import predict_pb2

from digits.errors import SettingsError
from serving.client.errors import TooManyDigitsError
from serving.client.number.segments import find_digits
from serving.server.codecs import json_inputs, protobuf
from serving.server.codecs.json_examples import read_examples
from serving.server.errors import ServingError
from serving.server.grpc.tls import read_credentials
from serving.server.models.batching import read_batching
from serving.server.models.config import read_file
from serving.server.models.dtypes import BY_NUMBER
from serving.server.models.signature import ServedSignature, TensorSpec
from serving.server.monitoring.middleware import read_metrics_path
from serving.server.rest.bodies import read_document
from serving.server.rest.routes import read_path
from tests.serving.server.fuzz.oracle import check_text
from ui.drawing import decode
from ui.errors import DrawingError

_LIMIT: Final = 1 << 20
_TYPES: Final = {
    name: TensorSpec(name, BY_NUMBER[number], (None,))
    for name, number in (("images", 4), ("png", 7), ("x", 1), ("pair", 9))
}
_SIGNATURES: Final = tuple(ServedSignature(name, {name: spec}, {}) for name, spec in _TYPES.items())
_FILES: Final[dict[str, Callable[[Path], object]]] = {
    "model_config_file": read_file,
    "batching_parameters_file": lambda path: read_batching(path, threads=2),
    "monitoring_config_file": read_metrics_path,
    "ssl_config_file": read_credentials,
}


def rest(content: bytes) -> None:
    """A path in the first line, a body in the others."""
    path, _, body = content.partition(b"\n")
    for read in (lambda: read_path("POST", path.decode("latin-1")), lambda: _read_body(body)):
        try:
            read()
        except ServingError as error:
            check_text(error.text)


def _read_body(body: bytes) -> None:
    document = read_document(body, lambda _: None)
    for signature in _SIGNATURES:
        for key, read in (
            ("instances", json_inputs.read_instances),
            ("inputs", json_inputs.read_columns),
        ):
            if key in document:
                read(document[key], signature)
    read_examples(document, "classify")


def messages(content: bytes) -> None:
    """The inputs of a gRPC request, for each of several signatures."""
    try:
        request = predict_pb2.PredictRequest.FromString(content)
    except DecodeError:
        return
    for signature in _SIGNATURES:
        try:
            for array in protobuf.decode_inputs(request.inputs, signature, _LIMIT).values():
                assert array.nbytes <= _LIMIT
        except ServingError as error:
            check_text(error.text)


def files(content: bytes) -> None:
    """Each of the server's files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        for flag, read in _FILES.items():
            try:
                read(path)
            except SettingsError as error:
                assert str(error).startswith(f"{flag}: "), error
                check_text(str(error).replace(str(path), ""))


def pictures(content: bytes) -> None:
    """A picture with a number, as the client opens it."""
    try:
        segments = find_digits(content)
    except TooManyDigitsError:
        return
    for group in segments.groups:
        assert group.parts()


def page(content: bytes) -> None:
    """What the browser sends."""
    try:
        decode(content.decode("utf-8", "replace"))
    except DrawingError as error:
        check_text(str(error))


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    function.__name__: function for function in (rest, messages, files, pictures, page)
}
