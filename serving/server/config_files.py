"""Configuration files of TensorFlow Serving whose messages the official package leaves out, read as
the server reads them."""

import warnings
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)
from google.protobuf.message import Message

from digits.errors import SettingsError

# protobuf lets Python read escapes, which only warns of one that it does not know; TensorFlow
# Serving refuses the file.
warnings.filterwarnings(
    "error",
    ".*invalid (escape|octal escape) sequence",
    category=DeprecationWarning,
    module=r"google\.protobuf\.text_encoding",
)

_Read = TypeVar("_Read", bound=Message)
_PACKAGE: Final = "inkwell.config"
_INT: Final = ".google.protobuf.Int64Value"
_BOOL: Final = ".google.protobuf.BoolValue"
_TEXT: Final = ".google.protobuf.StringValue"
_MESSAGES: Final[dict[str, dict[str, tuple[int, str]]]] = {
    "BatchingParameters": {
        "max_batch_size": (1, _INT),
        "batch_timeout_micros": (2, _INT),
        "max_enqueued_batches": (3, _INT),
        "num_batch_threads": (4, _INT),
        "thread_pool_name": (5, _TEXT),
        "allowed_batch_sizes": (6, "repeated int64"),
        "pad_variable_length_inputs": (7, "bool"),
        "enable_large_batch_splitting": (8, _BOOL),
        "max_execution_batch_size": (9, _INT),
    },
    "SSLConfig": {
        "server_key": (1, "string"),
        "server_cert": (2, "string"),
        "custom_ca": (3, "string"),
        "client_verify": (4, "bool"),
    },
    "PrometheusConfig": {"enable": (1, "bool"), "path": (2, "string")},
    "MonitoringConfig": {"prometheus_config": (1, f".{_PACKAGE}.PrometheusConfig")},
}
"""Fields by message: number and type. Source: tensorflow/serving: session_bundle_config, ssl_config
and monitoring_config .proto."""


def parse_file(path: Path, message: _Read) -> _Read:
    """Read a file in protobuf's text format into `message`, and return that.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it is no UTF-8.
        text_format.ParseError: it is no such message.
    """
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), message)
    except DeprecationWarning as warning:
        raise text_format.ParseError(str(warning)) from warning


def read_config(path: Path, message: str, flag: str) -> Any:
    """Parse a file as one of the messages above; unknown fields and wrong types are errors.

    Args:
        path: file in protobuf's text format.
        message: name of the message.
        flag: the flag that named the file, for the error.

    Raises:
        SettingsError: the file cannot be read as this message.
    """
    try:
        return parse_file(path, _classes()[message]())
    except OSError as error:
        raise SettingsError(
            f"{flag}: expected a readable file; received '{path}': {error.strerror}; check the path"
        ) from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{flag}: expected a {message} as text; received '{path}': {error}; fix the file"
        ) from error


@cache
def _classes() -> dict[str, type[Message]]:
    """A class for each message, in a pool of its own: names must not meet those of a package that
    has them."""
    file = descriptor_pb2.FileDescriptorProto(
        name="inkwell_config.proto", package=_PACKAGE, syntax="proto3"
    )
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    for title, fields in _MESSAGES.items():
        file.message_type.add(
            name=title,
            field=[_field(name, number, kind) for name, (number, kind) in fields.items()],
        )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return {
        title: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{title}"))
        for title in _MESSAGES
    }


def _field(name: str, number: int, kind: str) -> descriptor_pb2.FieldDescriptorProto:
    field = descriptor_pb2.FieldDescriptorProto(
        name=name, number=number, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
    )
    if kind.startswith("repeated "):
        field.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    if kind.startswith("."):
        field.type, field.type_name = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE, kind
    else:
        field.type = descriptor_pb2.FieldDescriptorProto.Type.Value(
            f"TYPE_{kind.rsplit(maxsplit=1)[-1].upper()}"
        )
    return field
