"""What "As code" names: the page's own model and server."""

import json
import shlex

import pytest

from ui.markup.snippets import snippets


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("rest://models.example:8501", "http://models.example:8501/v1/models/letters:predict"),
        ("https://models.example:443", "https://models.example:443/v1/models/letters:predict"),
        ("grpc://models.example:8500", "http://REST_ADDRESS:8501/v1/models/letters:predict"),
        ("grpcs://models.example:8500", "https://REST_ADDRESS:8501/v1/models/letters:predict"),
    ],
)
def test_snippets_name_model_and_server(server: str, url: str) -> None:
    found = snippets(server, "letters")
    assert found.url == url
    assert found.connect == f"'{server}', model='letters'"
    assert ("in place of REST_ADDRESS:8501" in found.note) == ("REST_ADDRESS" in url)


def test_snippets_of_any_model_name_stay_one_argument() -> None:
    name = "it's $(touch x)/`y` \\"
    found = snippets("rest://[::1]:8501", name)
    [url] = shlex.split(found.url)
    assert url == (
        "http://[::1]:8501/v1/models/it%27s%20%24%28touch%20x%29%2F%60y%60%20%5C:predict"
    )
    assert found.url == f"'{url}'"  # a shell takes brackets for a pattern
    assert eval(f"dict(server={found.connect})") == {
        "server": "rest://[::1]:8501",
        "model": name,
    }


def test_snippets_say_that_access_is_missing_and_never_show_it() -> None:
    assert "certificates or headers" not in snippets("grpc://localhost:8500", "digits").note
    assert "certificates or headers" in (
        snippets("grpc://localhost:8500", "digits", has_access=True).note
    )


def test_snippets_are_read_by_the_script() -> None:
    found = json.loads(snippets("rest://localhost:8501", "digits").to_json())
    assert set(found) == {"url", "connect", "note"}
