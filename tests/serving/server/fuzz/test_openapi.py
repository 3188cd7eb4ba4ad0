"""The REST protocol against its own description: whatever /openapi.json lets a caller send gets an
answer that it describes."""

from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serving.server.rest.openapi import describe
from tests.serving.server.fuzz.oracle import check_text
from tests.support.server_fixtures import SECONDS, Protocols

Operation = schemathesis.APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Any]

SCHEMA: Final = schemathesis.openapi.from_dict(describe())
OPERATIONS: Final[list[Operation]] = [
    found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)
]
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PICTURES: Final = ("image/png", "image/jpeg")
KNOWN: Final = {"model": "digits", "version": 1}
"""What the server has: half of the calls ask for it, so that they get past the path."""


@schemathesis.serializer(*PICTURES)
def as_it_is(_: object, body: Any) -> bytes:
    """A picture leaves as its bytes; no bytes are against the description."""
    return body if isinstance(body, bytes) else str(body).encode(errors="surrogatepass")


def cases(operations: list[Operation], mode: GenerationMode) -> st.SearchStrategy[Case]:
    """Requests made from the description: as it says, or wrong in one place."""
    return st.tuples(st.sampled_from(operations), st.booleans()).flatmap(
        lambda drawn: _cases(*drawn, mode)
    )


def _cases(operation: Operation, known: bool, mode: GenerationMode) -> st.SearchStrategy[Case]:
    """Of a picture's bytes none are wrong."""
    given_ = {name: value for name, value in KNOWN.items() if f"{{{name}}}" in operation.path}
    wrong_elsewhere = mode is GenerationMode.POSITIVE or bool(operation.body)
    drawn = operation.as_strategy(
        mode, path_parameters=given_ if known and wrong_elsewhere else None
    )
    if mode is GenerationMode.POSITIVE:
        return drawn
    return drawn.filter(lambda case: case.media_type not in PICTURES)


def send(protocols: Protocols, case: Case, *further: Any) -> int:
    """Send a request and check the answer; its status."""
    answer = case.call(str(protocols.rest.base_url), timeout=SECONDS)
    check_text(answer.text)
    case.validate_response(answer, checks=[*CHECKS, *further])
    return answer.status_code


def test_description_is_openapi_and_names_every_operation_once() -> None:
    SCHEMA.validate()
    ids = [operation.definition.raw["operationId"] for operation in OPERATIONS]
    assert len(ids) == len(set(ids)) == 19


@settings(deadline=None)
@given(case=cases(OPERATIONS, GenerationMode.POSITIVE))
def test_request_as_described_gets_an_answer_as_described(protocols: Protocols, case: Case) -> None:
    send(protocols, case)


@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(
    case=cases(
        [found for found in OPERATIONS if found.body or "{version}" in found.path],
        GenerationMode.NEGATIVE,
    )
)
def test_request_unlike_the_description_is_refused_as_described(
    protocols: Protocols, case: Case
) -> None:
    send(protocols, case, negative_data_rejection)


SHOWN: Final = [
    pytest.param(operation, example["value"], id=f"{operation.label} {name}")
    for operation in OPERATIONS
    for body in operation.body
    for name, example in body.definition.get("examples", {}).items()
    if "{label}" not in operation.path
]


@pytest.mark.parametrize(("operation", "body"), SHOWN)
def test_body_shown_in_the_description_is_answered_as_described(
    operation: Operation,
    body: Any,
    protocols: Protocols,
) -> None:
    assert (
        send(
            protocols,
            operation.Case(path_parameters=KNOWN, body=body, media_type="application/json"),
        )
        == 200
    )
