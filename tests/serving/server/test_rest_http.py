"""What only HTTP has: paths, verbs, bodies, status codes."""

import base64
import gzip
import http.client
import json
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.server_fixtures import SECONDS, Protocols, StartServer

BLANK = np.zeros((1, 28, 28), np.uint8).tolist()
GOOD = json.dumps({"instances": BLANK}).encode()

PATHS = [
    ("GET", "/v1/models/digits", 200, ""),
    ("GET", "/V1/Models/digits", 200, ""),
    ("GET", "/v1/models/digits/versions/1", 200, ""),
    ("GET", "/v1/models/digits/versions/01", 200, ""),
    ("GET", "/v1/models/digits/labels/nope", 200, ""),
    ("GET", "/v1/models/dig%69ts", 200, ""),
    ("GET", "/v1/models/digits/metadata", 200, ""),
    ("GET", "/v1/models/digits/versions/9", 404, "Could not find version 9 of model digits"),
    ("GET", "/v1/models/nope", 404, "Could not find any versions of model nope"),
    ("GET", "/v1/models/nope/metadata", 404, "Servable not found for request: Latest(nope)"),
    (
        "GET",
        "/v1/models/digits/versions/7/metadata",
        404,
        "Servable not found for request: Specific(digits, 7)",
    ),
    (
        "GET",
        "/v1/models/digits/labels/nope/metadata",
        400,
        "Unrecognized servable version label: nope",
    ),
    ("GET", "/v1/models/digits?x=1", 404, "Could not find any versions of model digits?x=1"),
    ("GET", "/v1/models", 200, ""),
    ("GET", "/livez", 200, ""),
    ("GET", "/readyz", 200, ""),
    ("GET", "/openapi.json", 200, ""),
    ("POST", "/readyz", 404, "Not found: POST /readyz"),
    ("GET", "/v1/models/", 400, "Malformed request: GET /v1/models/"),
    ("GET", "/v1/models/digits/", 400, "Malformed request: GET /v1/models/digits/"),
    ("GET", "/v1/models/digits/versions/abc", 400, "Malformed request"),
    ("GET", "/v1/models/digits/versions/-1", 400, "Malformed request"),
    ("GET", "/v1/models/digits/versions/%D9%A1", 400, "Malformed request"),
    ("GET", "/v1/models/digits/versions/99999999999999999999", 400, "Failed to convert version"),
    ("GET", "/v1/models/digits/versions/1/labels/a", 400, "Malformed request"),
    ("GET", "/v1/models/dig%zzits", 400, "Malformed request"),
    ("GET", "/", 404, "Not found: GET /"),
    ("GET", "/v2/models/digits", 404, "Not found: GET /v2/models/digits"),
    ("GET", "/v1/models/digits:predict", 400, "Malformed request: GET /v1/models/digits:predict"),
    ("PUT", "/v1/models/digits:predict", 400, "Malformed request: PUT /v1/models/digits:predict"),
    ("DELETE", "/v1/models/digits", 400, "Malformed request: DELETE /v1/models/digits"),
    ("POST", "/v1/models/digits", 400, "Malformed request: POST /v1/models/digits"),
    ("POST", "/v1/models/digits:Predict", 400, "Malformed request"),
    ("POST", "/v1/models/digits:train", 400, "Malformed request"),
    (
        "POST",
        "/v1/models/digits:predict?x=1",
        400,
        "Malformed request: POST /v1/models/digits:predict?x=1",
    ),
    ("POST", "/v1/models/digits:predict/", 400, "Malformed request"),
    ("POST", "/v1/models/digits:multiinference", 400, "Malformed request"),
    ("FOO", "/v1/models/digits:predict", 501, "Unknown HTTP method: FOO"),
    ("TRACE", "/v1/models/digits:predict", 501, "Unknown HTTP method: TRACE"),
    ("TRACE", "/livez", 501, "Unknown HTTP method: TRACE"),
]


@pytest.mark.parametrize(
    ("verb", "path", "status", "words"), PATHS, ids=lambda value: str(value)[:60]
)
def test_path_and_verb_answer_as_listed(
    verb: str, path: str, status: int, words: str, protocols: Protocols
) -> None:
    received, content = send(protocols, verb, path, GOOD if verb != "GET" else b"")
    assert received == status
    if words:
        assert words in content["error"]
        assert set(content) == {"error"}


def send(protocols: Protocols, verb: str, path: str, body: bytes) -> tuple[int, Any]:
    """As typed; httpx would tidy the path up."""
    with closing(
        http.client.HTTPConnection(
            protocols.rest.base_url.host, protocols.rest.base_url.port, timeout=20
        )
    ) as connection:
        connection.request(verb, path, body or None)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


BODIES = {
    "plain": (GOOD, 200, ""),
    "trailing_garbage": (GOOD + b" x", 200, ""),
    "first_of_equal_names": (GOOD[:-1] + b', "instances": 1}', 200, ""),
    "unknown_key": (GOOD[:-1] + b', "colour": "red"}', 200, ""),
    "empty_signature_name": (GOOD[:-1] + b', "signature_name": ""}', 200, ""),
    "empty": (b"", 400, "JSON Parse error: The document is empty"),
    "cut": (GOOD[:-1], 400, "JSON Parse error: Missing a comma or '}' after an object member."),
    "list": (b"[1, 2]", 400, "Is not object"),
    "signature_is_a_number": (
        b'{"signature_name": 3, "instances": [1]}',
        400,
        "'signature_name' key must be a string value.",
    ),
    "both_forms": (
        b'{"instances": [1], "inputs": [1]}',
        400,
        "expecting only one of 'inputs' or 'instances' keys to exist",
    ),
    "neither_form": (b"{}", 400, "Missing 'inputs' or 'instances' key"),
    "deep": (b'{"instances": ' + b"[" * 10_000, 400, "nested deeper"),
    "lone_surrogate_name": (
        b'{"inputs": {"\\ud800": 1}}',
        400,
        "surrogate pair in string is invalid. at offset: 13",
    ),
    "lone_surrogate_row": (
        b'{"instances": [{"\\ud800": 1}]}',
        400,
        "surrogate pair in string is invalid. at offset: 17",
    ),
    "bad_base64": (
        b'{"signature_name": "drawings", "instances": [{"b64": "!!!"}]}',
        400,
        "Unable to base64 decode",
    ),
    "pixel_256": (
        GOOD.replace(b"0", b"256", 1),
        400,
        "JSON Value: 256 Type: Number is not of expected type: uint8",
    ),
}


@pytest.mark.parametrize(("body", "status", "words"), BODIES.values(), ids=BODIES)
def test_predict_body_answers_as_listed(
    body: bytes, status: int, words: str, protocols: Protocols
) -> None:
    answer = protocols.post(body)
    assert answer.status_code == status
    assert words in answer.json().get("error", "")


def test_json_is_judged_before_the_model_is_looked_for(protocols: Protocols) -> None:
    assert protocols.post(b"{", "/v1/models/nope:predict").status_code == 400
    assert protocols.post(GOOD, "/v1/models/nope:predict").status_code == 404


def test_gzipped_body_is_read_and_a_broken_one_counts_as_empty(protocols: Protocols) -> None:
    path, headers = "/v1/models/digits:predict", {"Content-Encoding": "gzip"}
    zipped = gzip.compress(GOOD)
    assert protocols.rest.post(path, content=zipped, headers=headers).status_code == 200
    for broken in (zipped[:-4], zipped + b"more", b"plain"):
        answer = protocols.rest.post(path, content=broken, headers=headers)
        assert (answer.status_code, answer.json()) == (
            400,
            {"error": "JSON Parse error: The document is empty"},
        )


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_body_above_the_limit_is_413(zipped: bool, protocols: Protocols) -> None:
    large = b" " * ((1 << 20) + 1)
    headers = {"Content-Encoding": "gzip"} if zipped else {}
    answer = protocols.rest.post(
        "/v1/models/digits:predict",
        content=gzip.compress(large) if zipped else large,
        headers=headers,
    )
    assert answer.status_code == 413
    assert "at most 1048576 bytes" in answer.json()["error"]


def test_options_with_an_origin_is_answered_without_permission(protocols: Protocols) -> None:
    answer = protocols.rest.options(
        "/v1/models/digits:predict", headers={"Origin": "http://page.example"}
    )
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


HEADS = {
    "/livez": 200,
    "/readyz": 200,
    "/openapi.json": 200,
    "/v1/models": 200,
    "/v1/models/digits": 200,
    "/v1/models/digits/versions/1": 200,
    "/v1/models/digits/metadata": 200,
    "/v1/models/nope": 404,
    "/": 404,
    "/v1/models/digits:predict": 400,
}


@pytest.mark.parametrize(("path", "status"), HEADS.items())
def test_head_answers_as_get_without_a_body(path: str, status: int, protocols: Protocols) -> None:
    head, get = protocols.rest.head(path), protocols.rest.get(path)
    assert (head.status_code, get.status_code) == (status, status)
    assert head.content == b""
    if status == 200:
        assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "IMAGE/PNG; charset=binary"])
def test_body_that_is_a_picture_is_answered_as_drawing(kind: str, protocols: Protocols) -> None:
    path, picture = "/v1/models/digits:predict", b"\x89PNG\r\n" + bytes(range(256))
    answer = protocols.rest.post(path, content=picture, headers={"Content-Type": kind})
    drawing = {"b64": base64.b64encode(picture).decode()}
    asked = protocols.post({"signature_name": "drawings", "instances": [drawing]})
    assert (answer.status_code, answer.json()) == (200, asked.json())
    assert answer.headers["model-version"] == "1"


def test_picture_is_read_by_predict_alone_and_only_where_it_is_said_to_be_one(
    protocols: Protocols,
) -> None:
    for path, headers in (
        ("/v1/models/digits:classify", {"Content-Type": "image/png"}),
        ("/v1/models/digits:predict", {"Content-Type": "application/x-www-form-urlencoded"}),
    ):
        answer = protocols.rest.post(path, content=b"\x89PNG", headers=headers)
        assert answer.status_code == 400
        assert "JSON Parse error" in answer.json()["error"]


@pytest.mark.parametrize("name", ["gzip", "GZIP", "x-gzip", "X-GZip"])
def test_content_encoding_is_read_in_every_spelling(name: str, protocols: Protocols) -> None:
    answer = protocols.rest.post(
        "/v1/models/digits:predict",
        content=gzip.compress(GOOD),
        headers={"Content-Encoding": name},
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("offer", "zipped"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, identity", False),
        ("identity", False),
        ("not-gzip", False),
    ],
)
def test_answer_is_zipped_only_for_those_who_take_it(
    offer: str, zipped: bool, protocols: Protocols
) -> None:
    answer = protocols.rest.get("/openapi.json", headers={"Accept-Encoding": offer})
    assert ("content-encoding" in answer.headers) == zipped
    assert answer.json()["openapi"]


def test_http_2_in_a_request_line_is_refused_as_by_tensorflow_serving(protocols: Protocols) -> None:
    address = (protocols.rest.base_url.host, protocols.rest.base_url.port or 80)
    with socket.create_connection(address, timeout=SECONDS) as connection:
        connection.sendall(b"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"received HTTP/2.0" in answer


def test_status_has_the_fields_of_tensorflow_serving(protocols: Protocols) -> None:
    status = {
        "version": "1",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    assert protocols.rest.get("/v1/models/digits").json() == {"model_version_status": [status]}


def test_metadata_names_version_and_signatures(protocols: Protocols) -> None:
    metadata = protocols.rest.get("/v1/models/digits/metadata").json()
    assert metadata["model_spec"] == {"name": "digits", "version": "1", "signature_name": ""}
    images = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"][
        "images"
    ]
    assert images["dtype"] == "DT_UINT8"
    assert [dim["size"] for dim in images["tensor_shape"]["dim"]] == ["-1", "28", "28"]


def test_call_above_the_time_limit_is_504(toy_base: Path, start_server: StartServer) -> None:
    protocols = start_server(model_base_path=toy_base, rest_api_timeout_in_ms=100)
    answer = protocols.post({"signature_name": "slow", "instances": [0.5]})
    assert answer.status_code == 504
    assert "Timed out waiting for notification" in answer.json()["error"]
