"""The private messages against the official ones: the same fields, the same bytes, no clash."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from serving.client.transport import messages
from tests.support.client_doubles import Official

PAIRS = {
    "PredictRequest": predict_pb2.PredictRequest,
    "PredictResponse": predict_pb2.PredictResponse,
    "GetModelStatusRequest": get_model_status_pb2.GetModelStatusRequest,
    "GetModelStatusResponse": get_model_status_pb2.GetModelStatusResponse,
    "GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
    "GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
    "SignatureDefMap": get_model_metadata_pb2.SignatureDefMap,
}
OFFICIAL_NAMES = {"tensorflow.serving.VersionState": "tensorflow.serving.ModelVersionStatus.State"}


def wire_form(field: FieldDescriptor) -> tuple[Any, ...]:
    """What decides how a field looks on the wire, and its name in JSON."""
    kind = field.message_type.full_name if field.message_type else None
    return field.name, field.type, field.is_repeated, field.is_packed, kind


@pytest.mark.parametrize("name", messages._FIELDS)
def test_messages_every_field_is_the_official_one(name: str) -> None:
    ours = messages._POOL.FindMessageTypeByName(name)
    official = descriptor_pool.Default().FindMessageTypeByName(name)
    assert ours is not official
    for field in ours.fields:
        assert wire_form(field) == wire_form(official.fields_by_number[field.number])


@pytest.mark.parametrize("name", messages._ENUMS)
def test_messages_every_enum_value_is_the_official_one(name: str) -> None:
    ours: EnumDescriptor = messages._POOL.FindEnumTypeByName(name)
    official = descriptor_pool.Default().FindEnumTypeByName(OFFICIAL_NAMES.get(name, name))
    for value in ours.values:
        assert official.values_by_number[value.number].name == value.name


def fill(kind: Callable[[], messages.AnyMessage]) -> messages.AnyMessage:
    """A message of either family with something in every part that the client reads or writes."""
    message = kind()
    name = message.DESCRIPTOR.name
    if name == "GetModelStatusResponse":
        message.model_version_status.add(version=3, state=50).status.error_message = "broken"
    elif name == "SignatureDefMap":
        info = message.signature_def["drawings"].outputs["images"]
        info.dtype = 4
        info.tensor_shape.dim.add(size=-1)
        info.tensor_shape.dim.add(size=28)
    else:
        message.model_spec.name = "digits"
        message.model_spec.version.value = 1 << 40
        message.model_spec.signature_name = "drawings"
    if name == "PredictRequest":
        message.inputs["png"].dtype = 7
        message.inputs["png"].tensor_shape.dim.add(size=2)
        message.inputs["png"].string_val.extend([b"\x89PNG", b""])
    elif name == "PredictResponse":
        for output, values in (
            ("digit", "int64_val"),
            ("problem", "int_val"),
            ("probabilities", "float_val"),
        ):
            getattr(message.outputs[output], values).extend([1, 2, 300])
        message.outputs["images"].tensor_content = bytes(range(256))
    elif name == "GetModelMetadataRequest":
        message.metadata_field.append("signature_def")
    elif name == "GetModelMetadataResponse":
        message.metadata[
            "signature_def"
        ].type_url = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
        message.metadata["signature_def"].value = b"\x0a\x00"
    return message


@pytest.mark.parametrize(("name", "official"), PAIRS.items())
def test_messages_both_sides_read_the_same_from_each_others_bytes(
    name: str, official: Official
) -> None:
    ours = getattr(messages, name)
    from_us = official.FromString(fill(ours).SerializeToString())
    from_them = ours.FromString(fill(official).SerializeToString())
    assert from_us == fill(official)
    assert from_them == fill(ours)
    assert from_us.ByteSize() > 4


def test_messages_fields_the_client_does_not_know_are_skipped() -> None:
    official = predict_pb2.PredictResponse()
    official.model_spec.version_label = "stable"
    official.outputs["digit"].CopyFrom(tf.make_tensor_proto(np.array([7])))
    official.outputs["other"].CopyFrom(tf.make_tensor_proto(np.array([1 + 2j])))
    read = messages.PredictResponse.FromString(official.SerializeToString())
    assert list(read.outputs["digit"].int64_val) == [7]


def test_messages_any_resolves_to_the_private_class() -> None:
    official = get_model_metadata_pb2.GetModelMetadataResponse()
    official.metadata["signature_def"].Pack(fill(PAIRS["SignatureDefMap"]))
    read = messages.GetModelMetadataResponse.FromString(official.SerializeToString())
    kind = read.metadata["signature_def"].type_url.rpartition("/")[2]
    assert messages._POOL.FindMessageTypeByName(kind) is messages.SignatureDefMap.DESCRIPTOR
