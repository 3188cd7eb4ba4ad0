"""Which Host and Origin the page answers to."""

import pytest
from starlette.datastructures import Headers

from ui.web.origin import Origins

ORIGINS = Origins(["Inkwell.example.org", "0.0.0.0", ""])


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        *(("127.0.0.1:7860", "http://127.0.0.1:7860"), ("localhost:7860", None)),
        *(("LOCALHOST", "http://localhost"), ("[::1]:7860", "http://[::1]:7860")),
        *(("192.168.1.5:7860", "http://192.168.1.5:7860"), ("digits.localhost:80", None)),
        *(("inkwell.example.org", "https://inkwell.example.org"), ("inkwell.example.org.", None)),
        ("127.0.0.1:7860", "https://inkwell.example.org"),  # a proxy that names itself to the page
    ],
)
def test_origins_own_ones_are_allowed(host: str, origin: str | None) -> None:
    headers = {"host": host} | ({"origin": origin} if origin else {})
    assert ORIGINS.refuse(Headers(headers)) is None


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            "evil.example",
            "evil.example:7860",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
        ),
        *(
            "localhost@evil.example",
            "inkwell.example.org.evil.example",
            "a b",
            "[::1",
            "localhost:x",
        ),
        *("2130706433.evil.example", "xinkwell.example.org"),
    ],
)
def test_origins_foreign_host_is_refused(host: str) -> None:
    refused = ORIGINS.refuse(Headers({"host": host}))
    assert refused is not None
    assert refused[0] == 421


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "http://evil.example:7860", "null", "", "http://127.0.0.1:9999"),
        *("http://localhost:7860", "http://127.0.0.1", "http://[", "file://"),
    ],
)
def test_origins_foreign_origin_is_refused(origin: str) -> None:
    refused = ORIGINS.refuse(Headers({"host": "127.0.0.1:7860", "origin": origin}))
    assert refused is not None
    assert refused[0] == 403
