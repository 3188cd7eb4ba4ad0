"""What users import from `serving.client`: a change here is one that breaks them, and belongs in a
new major version."""

import dataclasses
import inspect

import pytest

import serving.client

SIGNATURES = {
    "connect": "(server, *, model, version, deadline, access)",
    "Client.check_contract": "(self)",
    "Client.close": "(self)",
    "Client.explain": "(self, images)",
    "Client.feature_maps": "(self, images)",
    "Client.has_feature_maps": "(self)",
    "Client.predict": "(self, images)",
    "Client.read": "(self, drawings)",
    "Client.read_number": "(self, picture)",
    "Client.status": "(self)",
    "Client.wait": "(self, timeout)",
}
FIELDS = {
    "Access": "ca certificate key headers",
    "Prediction": "digit label probabilities version labels",
    "Drawing": "digit label probabilities version labels image problem ood_score",
    "Explanation": "digit label probabilities version labels saliency",
    "VersionStatus": "version state error",
}


def test_public_names_are_these() -> None:
    errors = {name for name in serving.client.__all__ if name.endswith("Error")}
    assert errors == {
        "ClientError",
        "ContractMismatchError",
        "DeadlineExceededError",
        "InvalidRequestError",
        "NotFoundError",
        "ServerFailedError",
        "TooManyDigitsError",
        "UnavailableError",
    }
    numbers = {"DRAWINGS_PER_CALL", "IMAGES_PER_CALL"}
    assert set(serving.client.__all__) == {*errors, *numbers, *FIELDS, "Client", "connect"}


def test_public_methods_of_the_client_are_these() -> None:
    found = {name for name in vars(serving.client.Client) if not name.startswith("_")}
    assert {f"Client.{name}" for name in found} == set(SIGNATURES) - {"connect"}


@pytest.mark.parametrize(("name", "expected"), SIGNATURES.items())
def test_public_signature_is_this(name: str, expected: str) -> None:
    owner, _, method = name.rpartition(".")
    function = getattr(getattr(serving.client, owner) if owner else serving.client, method)
    bare = [
        parameter.replace(annotation=parameter.empty, default=parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
    ]
    assert str(inspect.Signature(bare)) == expected


@pytest.mark.parametrize(("name", "expected"), FIELDS.items())
def test_public_fields_are_these(name: str, expected: str) -> None:
    fields = dataclasses.fields(getattr(serving.client, name))
    assert [field.name for field in fields] == expected.split()
