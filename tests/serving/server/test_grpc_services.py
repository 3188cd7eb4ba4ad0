"""What only gRPC has: metadata, status, absent methods, raw bytes, message limits."""

from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
)

from tests.support.server_fixtures import Protocols, Publish, StartServer, ask, fault_of


def metadata(
    protocols: Protocols, *fields: str, name: str = "digits"
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = name
    return protocols.call(
        "GetModelMetadata", request, get_model_metadata_pb2.GetModelMetadataResponse
    )


def status(
    protocols: Protocols, name: str = "digits", version: int | None = None, label: str = ""
) -> get_model_status_pb2.GetModelStatusResponse:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    if label:
        request.model_spec.version_label = label
    return protocols.call(
        "GetModelStatus",
        request,
        get_model_status_pb2.GetModelStatusResponse,
        service="ModelService",
    )


def test_metadata_tells_every_signature(protocols: Protocols) -> None:
    reply = metadata(protocols, "signature_def")
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert reply.metadata["signature_def"].Unpack(signatures)
    assert {"serving_default", "drawings", "explain", "classify"} <= set(signatures.signature_def)
    assert (reply.model_spec.name, reply.model_spec.version.value) == ("digits", 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ((), "must specify at least one metadata_field"),
        (("signature_def", "weights"), "Metadata field weights is not supported"),
    ],
)
def test_metadata_of_no_or_another_field_is_invalid(
    fields: tuple[str, ...], words: str, protocols: Protocols
) -> None:
    code, text = fault_of(lambda: metadata(protocols, *fields))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert words in text


def test_metadata_of_unknown_model_is_not_found(protocols: Protocols) -> None:
    code, text = fault_of(lambda: metadata(protocols, "signature_def", name="nope"))
    assert (code, text) == (
        grpc.StatusCode.NOT_FOUND,
        "Servable not found for request: Latest(nope)",
    )


def test_status_tells_versions_and_ignores_labels(protocols: Protocols) -> None:
    for reply in (status(protocols), status(protocols, version=1), status(protocols, label="nope")):
        (version,) = reply.model_version_status
        assert (version.version, version.state, version.status.error_code) == (
            1,
            version.AVAILABLE,
            0,
        )


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"name": "nope"}, "Could not find any versions of model nope"),
        ({"version": 9}, "Could not find version 9 of model digits"),
    ],
)
def test_status_of_unknown_model_or_version_is_not_found(
    spec: dict[str, Any], words: str, protocols: Protocols
) -> None:
    assert fault_of(lambda: status(protocols, **spec)) == (grpc.StatusCode.NOT_FOUND, words)


def test_reload_is_refused_unless_the_server_was_started_for_it(protocols: Protocols) -> None:
    request = model_management_pb2.ReloadConfigRequest()
    code, text = fault_of(
        lambda: protocols.call(
            "HandleReloadConfigRequest",
            request,
            model_management_pb2.ReloadConfigResponse,
            service="ModelService",
        )
    )
    assert code == grpc.StatusCode.PERMISSION_DENIED
    assert "--enable_reload_config_request=true" in text


def test_bytes_that_are_no_message_are_internal(protocols: Protocols) -> None:
    call = protocols.channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict", bytes, bytes
    )
    code, _ = fault_of(lambda: call(b"\xff\xff\xff", timeout=10))
    assert code == grpc.StatusCode.INTERNAL


def test_message_above_the_limit_is_resource_exhausted(protocols: Protocols) -> None:
    code, _ = fault_of(
        lambda: protocols.predict(ask({"images": np.zeros((1400, 28, 28), np.uint8)}))
    )
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_long_error_text_is_cut(protocols: Protocols) -> None:
    _, text = fault_of(lambda: protocols.predict(ask({}, model="m" * 3000)))
    assert len(text) < 1100
    assert text.endswith("...TRUNCATED")


def test_answer_as_tensor_content_when_asked_at_start(
    toy_base: Path, start_server: StartServer
) -> None:
    protocols = start_server(model_base_path=toy_base, enable_serialization_as_tensor_content=True)
    output = protocols.predict(ask({"images": np.zeros((1, 28, 28), np.uint8)})).outputs[
        "probabilities"
    ]
    assert len(output.tensor_content) == 40
    assert not output.float_val


def test_labels_of_the_configuration_file_answer_with_their_version(
    tmp_path: Path, publish: Publish, start_server: StartServer
) -> None:
    for fingerprint in (1, 2):
        publish(tmp_path / "digits", fingerprint)
    config = tmp_path / "models.config"
    config.write_text(
        f'model_config_list {{ config {{ name: "digits" base_path: "{tmp_path}/digits" '
        'model_platform: "tensorflow" '
        'model_version_policy { all {} } version_labels { key: "stable" value: 1 } version_labels '
        '{ key: "gone" value: 7 } } }'
    )
    protocols = start_server(
        model_config_file=config, allow_version_labels_for_unavailable_models=True
    )
    image = {"images": np.zeros((1, 28, 28), np.uint8)}
    assert protocols.predict(ask(image, label="stable")).model_spec.version.value == 1
    assert protocols.predict(ask(image)).model_spec.version.value == 2
    assert protocols.post(
        {"inputs": image["images"].tolist()}, "/v1/models/digits/labels/stable:predict"
    ).json()["outputs"]["digit"] == [1]
    code, _ = fault_of(lambda: protocols.predict(ask(image, label="gone")))
    assert code == grpc.StatusCode.NOT_FOUND
