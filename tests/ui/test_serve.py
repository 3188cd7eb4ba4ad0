"""What of the page is reachable from outside, and what is not."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from tests.browser.stage import page_process
from ui.answers.drawing import MAX_CHARACTERS, Sheet, to_sent
from ui.answers.on_demand import NO_ANSWER
from ui.app import DESCRIPTION, SCRIPTS

JOIN = "/gradio_api/queue/join"
OCCLUSION, FEATURE_MAPS, CORRECTION = 1, 2, 3
"""Numbers of the page's event listeners; 0 is the drawing's own."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Talks to a page whose model server is away. The page runs in a process of its own, as it does
    for people."""
    with (
        page_process(
            "grpc://127.0.0.1:9", f"--corrections={tmp_path_factory.mktemp('corrections') / 'kept'}"
        ) as address,
        httpx.Client(base_url=address, trust_env=False, timeout=30) as browser,
    ):
        yield browser


def test_import_of_the_page_leaves_tensorflow_out() -> None:
    code = (
        "import sys, ui.app, ui.serve; assert not {'tensorflow', 'keras', 'trainer', "
        "'serving.server'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("path", ["/", "/config", "/theme.css", "/gradio_api/app_id"])
def test_page_is_served_and_names_no_path_of_this_machine(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200
    assert str(Path.cwd()) not in answer.text
    assert sys.prefix not in answer.text


def test_page_has_its_own_icon(browser: httpx.Client) -> None:
    answer = browser.get("/favicon.ico")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "Inkwell" in answer.text


def test_page_document_is_compressed_and_its_preview_is_ours(browser: httpx.Client) -> None:
    answer = browser.get("/")
    assert answer.headers["content-encoding"] == "gzip"
    tags = dict(re.findall(r'<meta (?:property|name)="([a-z:]+)" content="([^"]*)"', answer.text))
    assert tags["og:title"] == "Inkwell"
    assert tags["og:description"] == tags["description"] == DESCRIPTION
    assert tags["og:image"] == f"{str(browser.base_url).rstrip('/')}/favicon.ico"
    for foreign in ("{url}", "@Gradio", "gradio-app/gradio", 'content=""', "Click to try"):
        assert foreign not in answer.text


def test_page_head_has_no_body(browser: httpx.Client) -> None:
    answer = browser.head("/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("name", sorted(script.name for script in SCRIPTS.glob("*.js")))
def test_page_scripts_are_served_as_they_are(browser: httpx.Client, name: str) -> None:
    answer = browser.get(f"/pad/{name}")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.content == (SCRIPTS / name).read_bytes()


def test_page_script_of_another_name_is_not_found(browser: httpx.Client) -> None:
    assert browser.get("/pad/other.js").status_code == 404


def test_page_takes_no_font_from_elsewhere(browser: httpx.Client) -> None:
    assert browser.get("/config").json()["stylesheets"] == []


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/docs",
            "/redoc",
            "/openapi.json",
            "/gradio_api/info",
            "/gradio_api/openapi.json",
            "/gradio_api/runs",
            "/runs",
        ),
        *(
            "/gradio_api/file=/etc/passwd",
            "/file=/etc/passwd",
            "/gradio_api/file/etc/passwd",
            "/gradio_api/proxy=http://127.0.0.1:9/",
        ),
        *(
            "/monitoring",
            "/monitoring/summary",
            "/gradio_api/token",
            "/gradio_api/user",
            "/pwa_icon",
        ),
        *(
            "/gradio_api/custom_component/1/client/component/index.js",
            "/gradio_api/stream/a/b/1/playlist.m3u8",
            "/gradio_api/vibe-code",
        ),
        *(
            "/static/../../app.py",
            "/static/%2e%2e/%2e%2e/app.py",
            "/assets//etc/passwd",
            "/assets/..%2f..%2fapp.py",
            "/static/.hidden",
            "/pad/pad.html",
            "/pad/",
        ),
        *(
            "/config%0a",
            "/config%0A",
            "/%0a",
            "/theme.css%20",
            "/%63onfig",
            "/gradio_api/queue/data%0a",
        ),
        *("/ASSETS/index.js", "/gradio_api/heartbeat/../file=/etc/passwd", "/svelte/svelte.js"),
    ],
)
def test_get_anything_the_page_does_not_need_is_not_found(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert (answer.status_code, answer.text) == (404, "Not found.")


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/gradio_api/upload",
            "/gradio_api/run/answer",
            "/gradio_api/api/answer",
            "/gradio_api/call/answer",
            "/gradio_api/call/v2/answer",
        ),
        *(
            "/gradio_api/component_server",
            "/gradio_api/process_recording",
            "/gradio_api/vibe-edit",
            "/gradio_api/reset",
            "/login",
        ),
        *("/gradio_api/run-history/connect", "/gradio_api/stream/x", "/gradio_api/cancel", "/"),
    ],
)
def test_post_anything_the_page_does_not_need_is_not_found(
    browser: httpx.Client, path: str
) -> None:
    assert browser.post(path, json={}).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_not_found(browser: httpx.Client, method: str) -> None:
    assert browser.request(method, "/").status_code == 404


@pytest.mark.parametrize("session", ["../../x", "never-asked", "", "x" * 1000, "%00"])
def test_answers_of_a_session_that_asked_nothing_are_not_found(
    browser: httpx.Client, session: str
) -> None:
    answer = browser.get("/gradio_api/queue/data", params={"session_hash": session})
    assert (answer.status_code, answer.text) == (404, "Nothing was asked.")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_page_of_a_stranger_gets_nothing_and_keeps_nothing(
    browser: httpx.Client, headers: dict[str, str]
) -> None:
    said = json.dumps({"label": "7", "number": 1})
    question = {
        "data": [to_sent(Sheet(picture=b"x")), said],
        "fn_index": CORRECTION,
        "session_hash": "stranger",
    }
    answer = browser.post(JOIN, json=question, headers=headers)
    assert answer.status_code in (403, 421)
    assert browser.get("/config", headers=headers).status_code in (403, 421)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert browser.get("/gradio_api/queue/data?session_hash=stranger").status_code == 404


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/app_id"])
def test_page_allows_no_other_page_to_read_it(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path, headers={"Origin": str(browser.base_url).rstrip("/")})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_page_behind_a_proxy_answers_to_the_names_it_is_told() -> None:
    with page_process("grpc://127.0.0.1:9", "--hosts=inkwell.example.org") as address:
        for host, status in (("inkwell.example.org", 200), ("other.example.org", 421)):
            headers = {"Host": host, "Origin": f"https://{host}"}
            answer = httpx.get(f"{address}/config", headers=headers, trust_env=False, timeout=30)
            assert answer.status_code == status


def test_question_too_large_is_refused_before_it_is_read(browser: httpx.Client) -> None:
    connection = HTTPConnection(browser.base_url.host, browser.base_url.port or 80, timeout=30)
    connection.putrequest("POST", JOIN)
    connection.putheader("Content-Length", str(MAX_CHARACTERS + 5000))
    connection.endheaders()  # and not one byte of the body
    assert connection.getresponse().status == 413
    connection.close()


def test_question_of_unknown_length_is_refused(browser: httpx.Client) -> None:
    assert browser.post(JOIN, content=iter([b"{}"])).status_code == 411


def test_question_by_name_from_a_program_is_not_offered(browser: httpx.Client) -> None:
    dependencies = browser.get("/config").json()["dependencies"]
    assert [dependency["api_visibility"] for dependency in dependencies] == ["private"] * 4


@pytest.mark.parametrize(
    "question",
    [
        {
            "data": [{"path": "http://example.org/", "meta": {"_type": "gradio.FileData"}}],
            "fn_index": 0,
        },
        {"data": [["/etc/passwd"]], "fn_index": 0, "session_hash": "a"},
        {"data": [""] * 17, "fn_index": 0, "session_hash": "a"},
        {"data": [""], "fn_index": 0, "session_hash": "../x"},
        {"data": [""], "fn_index": 0, "session_hash": "x" * 33},
        {"data": ["", ""], "fn_index": CORRECTION + 1, "session_hash": "a"},
        {"data": [""], "fn_index": OCCLUSION, "session_hash": "a"},
        {"data": [""], "fn_index": FEATURE_MAPS, "session_hash": "a"},
        {"data": [""], "fn_index": CORRECTION, "session_hash": "a"},
        {"data": ["", ""], "fn_index": 0, "session_hash": "a"},
        {"data": [], "fn_index": 0, "session_hash": "a"},
        {"data": [""], "fn_index": -1, "session_hash": "a"},
        {"data": [""], "fn_index": 0},
        {"data": [""]},
        {"fn_index": 0},
        [],
        "x",
    ],
)
def test_forged_question_is_refused_before_gradio_looks_into_it(
    browser: httpx.Client, question: object
) -> None:
    answer = browser.post(JOIN, json=question)
    assert (answer.status_code, answer.text) == (422, "This is not a question of this page.")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"data": [1e999], "fn_index": 0, "fn_index": 9}']
)
def test_malformed_question_is_refused(browser: httpx.Client, body: bytes) -> None:
    assert browser.post(JOIN, content=body).status_code == 422


def test_question_with_something_else_than_a_drawing_says_so(browser: httpx.Client) -> None:
    assert "Expected a drawing of this page" in ask(browser, "http://example.org/")


def test_question_while_the_server_is_away_turns_the_timer_on(browser: httpx.Client) -> None:
    told = ask(browser, "")
    assert "The model server is away." in told
    assert '"active": true' in told


@pytest.mark.parametrize("listener", [OCCLUSION, FEATURE_MAPS])
def test_question_on_demand_while_the_server_is_away_says_so(
    browser: httpx.Client, listener: int
) -> None:
    told = ask(browser, to_sent(Sheet(picture=b"x")), "1", listener=listener)
    assert NO_ANSWER.sentence in told


@pytest.mark.parametrize("listener", [OCCLUSION, FEATURE_MAPS])
def test_question_on_demand_with_something_else_than_a_drawing_says_so(
    browser: httpx.Client, listener: int
) -> None:
    told = ask(browser, "http://example.org/", "1", listener=listener)
    assert "Expected a drawing of this page" in told


def test_correction_while_the_server_is_away_keeps_nothing(browser: httpx.Client) -> None:
    said = json.dumps({"label": "7", "number": 1})
    assert "The model server is away." in ask(
        browser, to_sent(Sheet(picture=b"x")), said, listener=CORRECTION
    )


@pytest.mark.parametrize(
    "said",
    [
        "",
        "7",
        '{"label": "../../etc", "number": 1, "path": "/"}',
        '{"label": 7, "number": 1}',
        "[" * 9999,
    ],
)
def test_correction_with_something_else_than_a_label_keeps_nothing(
    browser: httpx.Client, said: str
) -> None:
    assert "Expected one of the ten digits" in ask(
        browser, to_sent(Sheet(picture=b"x")), said, listener=CORRECTION
    )


def test_page_without_a_folder_offers_no_corrections() -> None:
    with (
        page_process("grpc://127.0.0.1:9") as address,
        httpx.Client(base_url=address, trust_env=False, timeout=30) as browser,
    ):
        assert len(browser.get("/config").json()["dependencies"]) == 3
        assert "Keep this drawing as" not in browser.get("/config").text
        question = {"data": ["", ""], "fn_index": CORRECTION, "session_hash": "a"}
        assert browser.post(JOIN, json=question).status_code == 422


def ask(browser: httpx.Client, *inputs: object, listener: int = 0) -> str:
    """Ask as the page's own JavaScript does; gives what the page is told, as JSON."""
    question = {
        "data": inputs,
        "fn_index": listener,
        "session_hash": "someone",
        "event_data": None,
        "trigger_id": None,
    }
    assert browser.post(JOIN, json=question).status_code == 200
    with browser.stream("GET", "/gradio_api/queue/data?session_hash=someone") as lines:
        for line in lines.iter_lines():
            if "process_completed" in line:
                return json.dumps(json.loads(line.removeprefix("data: "))["output"]["data"])
    raise AssertionError("expected an answer; received the end of the stream")
