"""Anything at all sent to the REST protocol: a documented answer, at once, that tells nothing of
the server's inside."""

import gzip
import json
import socket
from typing import Any

import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.server.errors import ServingError
from serving.server.rest.bodies import read_document
from serving.server.rest.openapi import describe
from serving.server.rest.routes import read_path
from tests.serving.server.fuzz.mutants import text_mutants
from tests.serving.server.fuzz.oracle import check_text
from tests.support.server_fixtures import BLANK, SECONDS, Protocols

DOCUMENTED = {200, 400, 404, 413, 501}
"""Of openapi.json, without those that need a fault, a flood or a slow model: 429, 500, 503, 504."""
METHODS = ("predict", "classify", "regress")

DESCRIBED = {
    method: schemathesis.openapi.from_dict(describe())[f"/v1/models/{{model}}:{method}"]["POST"]
    for method in METHODS
}
"""The operations of openapi.json, which know how an answer looks."""

ROW = BLANK[0].tolist()
DOCUMENTS: list[dict[str, Any]] = [
    {"instances": [ROW]},
    {"inputs": {"images": [ROW]}, "signature_name": "serving_default"},
    {"signature_name": "drawings", "instances": [{"b64": "UE5H"}, "PNG"]},
    {"signature_name": "two", "instances": [{"x": 1.5, "pair": [1, -2]}]},
    {"signature_name": "two", "inputs": {"x": [0.5], "pair": [[1, 2]]}},
    {
        "signature_name": "classify",
        "examples": [{"image/encoded": {"b64": "UE5H"}, "x": [1.5, 2]}],
        "context": {"y": 1},
    },
]
TOKENS = (
    *(
        '"',
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "NaN",
        "-Infinity",
        "Inf",
        "1e999",
        "-0.0",
        "9" * 400,
        "\\u0000",
        "\\ud800",
        "\\",
    ),
    *(
        '"b64":',
        '"instances":',
        '"inputs":',
        '"signature_name":',
        '"examples":',
        '"drawings"',
        "\x00",
        "\ufeff",
        "é",
        "//",
        "/*",
    ),
)
NAMES = st.sampled_from(
    [
        "instances",
        "inputs",
        "signature_name",
        "examples",
        "context",
        "images",
        "png",
        "x",
        "pair",
        "b64",
    ]
) | st.text(max_size=5)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["PNG", "two", "drawings", 2**63])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=30,
)
BODIES = text_mutants([json.dumps(document) for document in DOCUMENTS], TOKENS) | st.dictionaries(
    NAMES, VALUES, max_size=5
).map(lambda document: json.dumps(document).encode())
PATHS = text_mutants(
    [
        "/v1/models/digits",
        "/v1/models/digits/versions/1:predict",
        "/v1/models/digits/labels/a/metadata",
        "/v1/models",
        "/openapi.json",
    ],
    [
        "/",
        ":",
        "?",
        "%",
        "%00",
        "%2f",
        "..",
        "//",
        "/v1/",
        "versions/",
        "99999999999999999999",
        "#",
        "http://a/",
        "é",
        " ",
    ],
).map(lambda path: path.decode("latin-1"))


@settings(deadline=None)
@given(body=BODIES, method=st.sampled_from(METHODS), zipped=st.booleans())
def test_any_body_gets_a_documented_answer(
    protocols: Protocols, body: bytes, method: str, zipped: bool
) -> None:
    headers = {"Content-Encoding": "gzip"} if zipped else {}
    answer = protocols.rest.post(
        f"/v1/models/digits:{method}",
        content=gzip.compress(body) if zipped else body,
        headers=headers,
    )
    assert answer.status_code in DOCUMENTED, answer.text
    check_text(answer.text)
    DESCRIBED[method].validate_response(answer)


@settings(deadline=None)
@given(
    body=st.binary(max_size=300)
    | BODIES.map(gzip.compress).flatmap(
        lambda body: st.integers(0, len(body)).map(lambda end: body[:end])
    )
)
def test_any_bytes_said_to_be_zipped_get_a_documented_answer(
    protocols: Protocols, body: bytes
) -> None:
    answer = protocols.rest.post(
        "/v1/models/digits:predict", content=body, headers={"Content-Encoding": "gzip"}
    )
    assert answer.status_code in DOCUMENTED, answer.text
    check_text(answer.text)


@settings(deadline=None)
@given(body=BODIES)
def test_any_body_is_read_or_refused_in_words(body: bytes) -> None:
    try:
        assert isinstance(read_document(body, lambda _: None), dict)
    except ServingError as error:
        check_text(error.text)


@settings(deadline=None)
@given(verb=st.sampled_from(["GET", "POST", "PUT", "OPTIONS", "get", "FOO", ""]), path=PATHS)
def test_any_path_is_understood_or_refused_in_words(verb: str, path: str) -> None:
    try:
        assert read_path(verb, path).action
    except ServingError as error:
        check_text(error.text)


HEADS = text_mutants(
    [
        "POST /v1/models/digits:predict HTTP/1.1\r\nHost: a\r\nContent-Length: "
        '18\r\n\r\n{"instances": [1]}',
        "POST /v1/models/digits:predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
        'chunked\r\n\r\n12\r\n{"instances": [1]}\r\n0\r\n\r\n',
        "GET /v1/models/digits/metadata HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
    ],
    [
        *(
            "\r\n",
            "\n",
            "\r",
            " ",
            "\t",
            "\x00",
            ":",
            "Content-Length: 5\r\n",
            "Content-Length: -1\r\n",
        ),
        "Content-Length: 1" + "0" * 30 + "\r\n",
        *(
            "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip\r\n",
            "ffffffffffffffff\r\n",
            "-1\r\n",
            "0x10\r\n",
            "1;a=b\r\n",
        ),
        *(
            "HTTP/1.0",
            "HTTP/2.0",
            "HTTP/9",
            "CONNECT",
            "Upgrade: websocket\r\nConnection: upgrade\r\n",
            "GET / ",
        ),
        "Range: bytes=0-1,2-3\r\n",
    ],
)


@settings(deadline=None)
@given(head=HEADS)
def test_any_bytes_on_the_wire_are_answered_or_cut_off_and_others_are_served(
    protocols: Protocols, head: bytes
) -> None:
    with socket.create_connection(
        (protocols.rest.base_url.host, protocols.rest.base_url.port or 0), SECONDS
    ) as connection:
        connection.sendall(head)
        connection.shutdown(socket.SHUT_WR)
        answer = receive(connection)
    for line in answer.split(b"\r\n"):
        if line.startswith(b"HTTP/1.1 "):
            assert int(line.split()[1]) in DOCUMENTED | {100}, answer
    check_text(answer.decode("latin-1"))
    assert protocols.rest.get("/livez").status_code == 200


def receive(connection: socket.socket) -> bytes:
    """All that comes until the other side ends."""
    received = b""
    try:
        while block := connection.recv(1 << 16):
            received += block
    except ConnectionResetError:  # it ended with something of ours unread
        pass
    return received
