"""What reads a stranger's bytes, each as a function of them: it may refuse in the errors it
promises, and do nothing else."""

import functools
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError
from tensorflow_serving.apis import predict_pb2

from digits.contract import DRAWING_MAX_PIXELS, MANIFEST_FILE
from digits.errors import SettingsError, StoreError, VersionError
from digits.ledger import LEDGER, NEXT, read_entries
from digits.manifest import read_manifest
from serving.client.errors import TooManyDigitsError
from serving.client.number.segments import find_digits
from serving.server.codecs import json_inputs, protobuf
from serving.server.codecs.json_examples import read_examples
from serving.server.errors import ServingError
from serving.server.grpc.tls import read_credentials
from serving.server.inference.pixels import count_pixels
from serving.server.models.batching import read_batching
from serving.server.models.config import read_file
from serving.server.models.dtypes import BY_NUMBER
from serving.server.models.signature import ServedSignature, TensorSpec
from serving.server.monitoring.middleware import read_metrics_path
from serving.server.rest.bodies import read_document
from serving.server.rest.routes import read_path
from tests.serving.server.fuzz.oracle import check_text
from trainer.data.idx import IDX_FILES
from trainer.data.readers import read_source
from trainer.errors import DataError
from ui.answers.drawing import decode
from ui.errors import DrawingError

_LIMIT: Final = 1 << 20
_SHARED: Final = "content"
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


def headers(content: bytes) -> None:
    """What a picture says of its size, before it is decoded."""
    assert 0 <= count_pixels(content) <= DRAWING_MAX_PIXELS


def data(content: bytes) -> None:
    """A file of training data: as .npz, as each of the IDX files, as an image."""
    folder = _folder("set.npz", "images/0/a.png", *(f"idx/{file}" for file in IDX_FILES.values()))
    (folder / _SHARED).write_bytes(content)
    for name in ("set.npz", "idx", "images"):
        with suppress(DataError):
            read_source(folder / name)


def store(content: bytes) -> None:
    """The files beside and inside a version: ledger, its next event, manifest."""
    folder = _folder(LEDGER, NEXT, f"1/{MANIFEST_FILE}")
    (folder / _SHARED).write_bytes(content)
    with suppress(StoreError):
        read_entries(folder)
    with suppress(VersionError):
        read_manifest(folder / "1")


@functools.cache
def _folder(*names: str) -> Path:
    """A folder that stays, with one file by all these names: files are slow to make."""
    folder = Path(tempfile.mkdtemp())
    (folder / _SHARED).touch()
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).hardlink_to(folder / _SHARED)
    return folder


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    function.__name__: function
    for function in (rest, messages, files, pictures, page, headers, data, store)
}
