"""The messages of the TensorFlow Serving API that the client needs, without TensorFlow.

The official classes come with all of TensorFlow. These have the same names, numbers and types of
fields, so the bytes are the same, but live in a descriptor pool of their own: importing the
official ones beside them in one process does not clash. Fields the client never uses are left out;
protobuf skips them when reading.

Source: the proto files of TensorFlow 2.20 and TensorFlow Serving 2.20; a test holds both against
each other.
"""

from typing import Any, Final, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    # message: number, then `repeated`, or `map` for a map from string, then type and name, as in a
    # proto file
    "google.protobuf.Any": ("1 string type_url", "2 bytes value"),
    "google.protobuf.Int64Value": ("1 int64 value",),
    "tensorflow.TensorShapeProto": (
        "2 repeated tensorflow.TensorShapeProto.Dim dim",
        "3 bool unknown_rank",
    ),
    "tensorflow.TensorShapeProto.Dim": ("1 int64 size", "2 string name"),
    "tensorflow.TensorProto": (
        "1 tensorflow.DataType dtype",
        "2 tensorflow.TensorShapeProto tensor_shape",
        "4 bytes tensor_content",
        "5 repeated float float_val",
        "7 repeated int32 int_val",
        "8 repeated bytes string_val",
        "10 repeated int64 int64_val",
    ),
    "tensorflow.TensorInfo": (
        "1 string name",
        "2 tensorflow.DataType dtype",
        "3 tensorflow.TensorShapeProto tensor_shape",
    ),
    "tensorflow.SignatureDef": (
        "1 map tensorflow.TensorInfo inputs",
        "2 map tensorflow.TensorInfo outputs",
        "3 string method_name",
    ),
    "tensorflow.serving.ModelSpec": (
        "1 string name",
        "2 google.protobuf.Int64Value version",
        "3 string signature_name",
    ),
    "tensorflow.serving.PredictRequest": (
        "1 tensorflow.serving.ModelSpec model_spec",
        "2 map tensorflow.TensorProto inputs",
    ),
    "tensorflow.serving.PredictResponse": (
        "1 map tensorflow.TensorProto outputs",
        "2 tensorflow.serving.ModelSpec model_spec",
    ),
    "tensorflow.serving.StatusProto": (
        "1 tensorflow.error.Code error_code",
        "2 string error_message",
    ),
    "tensorflow.serving.ModelVersionStatus": (
        "1 int64 version",
        "2 tensorflow.serving.VersionState state",
        "3 tensorflow.serving.StatusProto status",
    ),
    "tensorflow.serving.GetModelStatusRequest": ("1 tensorflow.serving.ModelSpec model_spec",),
    "tensorflow.serving.GetModelStatusResponse": (
        "1 repeated tensorflow.serving.ModelVersionStatus model_version_status",
    ),
    "tensorflow.serving.GetModelMetadataRequest": (
        "1 tensorflow.serving.ModelSpec model_spec",
        "2 repeated string metadata_field",
    ),
    "tensorflow.serving.GetModelMetadataResponse": (
        "1 tensorflow.serving.ModelSpec model_spec",
        "2 map google.protobuf.Any metadata",
    ),
    "tensorflow.serving.SignatureDefMap": ("1 map tensorflow.SignatureDef signature_def",),
}


def _values(text: str) -> tuple[str, ...]:
    """Numbers and names of an enum, as in a proto file."""
    return tuple(text.split(", "))


_ENUMS: Final[dict[str, tuple[str, ...]]] = {
    "tensorflow.DataType": _values(
        "0 DT_INVALID, 1 DT_FLOAT, 2 DT_DOUBLE, 3 DT_INT32, 4 DT_UINT8, 5 DT_INT16, "
        "6 DT_INT8, 7 DT_STRING, 8 DT_COMPLEX64, 9 DT_INT64, 10 DT_BOOL, 14 DT_BFLOAT16, "
        "17 DT_UINT16, 19 DT_HALF, 22 DT_UINT32, 23 DT_UINT64"
    ),
    "tensorflow.serving.VersionState": _values(
        "0 UNKNOWN, 10 START, 20 LOADING, 30 AVAILABLE, 40 UNLOADING, 50 END"
    ),
    "tensorflow.error.Code": _values(
        "0 OK, 1 CANCELLED, 2 UNKNOWN, 3 INVALID_ARGUMENT, 4 DEADLINE_EXCEEDED, 5 NOT_FOUND, "
        "6 ALREADY_EXISTS, 7 PERMISSION_DENIED, 8 RESOURCE_EXHAUSTED, 9 FAILED_PRECONDITION, "
        "10 ABORTED, 11 OUT_OF_RANGE, 12 UNIMPLEMENTED, 13 INTERNAL, 14 UNAVAILABLE, "
        "15 DATA_LOSS, 16 UNAUTHENTICATED"
    ),
}
"""`VersionState` is `ModelVersionStatus.State` in the proto files; names of enums are not on the
wire."""

_Field: Final = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final = {
    "bool": _Field.TYPE_BOOL,
    "bytes": _Field.TYPE_BYTES,
    "float": _Field.TYPE_FLOAT,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "string": _Field.TYPE_STRING,
}


def _describe_field(message: descriptor_pb2.DescriptorProto, full_name: str, line: str) -> None:
    """Add one line of the table to a message; a map is a repeated entry of key and value, as in
    every proto file."""
    number, *repetition, kind, name = line.split()
    field = message.field.add(
        name=name,
        number=int(number),
        label=_Field.LABEL_REPEATED if repetition else _Field.LABEL_OPTIONAL,
    )
    if repetition == ["map"]:
        entry = message.nested_type.add(
            name="".join(part.capitalize() for part in name.split("_")) + "Entry"
        )
        entry.options.map_entry = True
        _describe_field(entry, "", "1 string key")
        _describe_field(entry, "", f"2 {kind} value")
        kind = f"{full_name}.{entry.name}"
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
        return
    field.type = _Field.TYPE_ENUM if kind in _ENUMS else _Field.TYPE_MESSAGE
    field.type_name = f".{kind}"


def _describe_package(package: str) -> descriptor_pb2.FileDescriptorProto:
    """One proto file with the tables' messages and enums of one package."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"inkwell/{package}.proto", package=package, syntax="proto3"
    )
    messages: dict[str, descriptor_pb2.DescriptorProto] = {}
    for full_name, fields in _FIELDS.items():
        parent, _, name = full_name.rpartition(".")
        if parent not in (package, *messages):
            continue
        home = messages[parent].nested_type if parent in messages else file.message_type
        messages[full_name] = home.add(name=name)
        for line in fields:
            _describe_field(messages[full_name], full_name, line)
    for full_name, values in _ENUMS.items():
        parent, _, name = full_name.rpartition(".")
        if parent == package:
            enum = file.enum_type.add(name=name)
            for number, value in (line.split() for line in values):
                enum.value.add(name=value, number=int(number))
    return file


def _build_pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    earlier: list[str] = []
    for package in ("google.protobuf", "tensorflow.error", "tensorflow", "tensorflow.serving"):
        file = _describe_package(package)
        file.dependency.extend(earlier)
        pool.Add(file)
        earlier.append(file.name)
    return pool


_POOL: Final = _build_pool()


AnyMessage: TypeAlias = Any
"""A message of this pool. The classes are built while running, so no type checker knows their
fields."""


def _message(full_name: str) -> AnyMessage:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(full_name))


ModelSpec: Final = _message("tensorflow.serving.ModelSpec")
TensorProto: Final = _message("tensorflow.TensorProto")
PredictRequest: Final = _message("tensorflow.serving.PredictRequest")
PredictResponse: Final = _message("tensorflow.serving.PredictResponse")
GetModelStatusRequest: Final = _message("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse: Final = _message("tensorflow.serving.GetModelStatusResponse")
GetModelMetadataRequest: Final = _message("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse: Final = _message("tensorflow.serving.GetModelMetadataResponse")
SignatureDefMap: Final = _message("tensorflow.serving.SignatureDefMap")

_OTHERWISE_NAMED: Final = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16"}


def _names(enum: str) -> dict[int, str]:
    return {int(number): name for number, name in (line.split() for line in _ENUMS[enum])}


DATA_TYPES: Final = {
    number: _OTHERWISE_NAMED.get(name, name.removeprefix("DT_").lower())
    for number, name in _names("tensorflow.DataType").items()
}
"""What TensorFlow and the contract call each data type, by its number on the wire."""
VERSION_STATES: Final = _names("tensorflow.serving.VersionState")
"""What the API calls each state of a version, by its number on the wire."""
