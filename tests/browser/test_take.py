"""A drawing taken away: as a link, as a picture, as code that asks the same."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.conftest import OTHER, window
from tests.browser.gestures import digit, ink, settle
from tests.browser.stage import ModelServer, draw, page_process

pytestmark = pytest.mark.browser


def test_page_link_has_the_drawing_and_no_request_does(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    draw(page, 5)
    expect(digit(page)).to_have_text("5")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".taken")).to_contain_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    before, fragment = ink(page), link.partition("#")[2]
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".examples")).to_be_visible()
    sent: list[str] = []

    def note(request: Request) -> None:
        sent.append(f"{request.url} {request.headers} {request.post_data}")

    page.on("request", note)
    page.goto("about:blank")
    page.goto(link)
    expect(digit(page)).to_have_text("5")
    assert ink(page) == before
    assert len(fragment) > 100
    assert sent
    assert not any(
        fragment[:60] in one.split("#")[0] or fragment in one.split(" ", 1)[1] for one in sent
    )
    assert "#" not in page.url


@pytest.mark.parametrize(
    "fragment",
    [
        "#d=digit",
        "#d=digit.jj",
        "#d=digit.jj,1",
        "#d=digit.1,1,1",
        "#d=digit.zzzzzz,1,1",
        "#d=digit.jj,1,<",
        "#d=<b>.jj,1,1",
    ],
)
def test_page_link_that_somebody_made_up_draws_nothing(page: Page, fragment: str) -> None:
    page.evaluate("fragment => (location.hash = fragment)", fragment)
    settle(page)
    assert ink(page) == 0
    expect(page.locator(".examples")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_page_picture_has_drawing_and_answer(page: Page) -> None:
    draw(page, 7)
    expect(digit(page)).to_have_text("7")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save picture").click()
    assert download.value.suggested_filename == "inkwell-7.png"
    picture = Image.open(io.BytesIO(download.value.path().read_bytes())).convert("L")
    assert picture.size == (480, 544)
    assert picture.crop((0, 0, 480, 480)).getextrema() == (0, 255)
    assert np.asarray(picture)[480:].min() < 64  # the sentence


def code(page: Page) -> tuple[str, str, str]:
    """curl, Python, and what is said of them, for a 3."""
    draw(page, 3)
    expect(digit(page)).to_have_text("3")
    settle(page)
    page.get_by_role("button", name="As code").click()
    fields = page.get_by_label("curl"), page.get_by_label("Python")
    curl, python = (field.input_value() for field in fields)
    note = page.locator(".put-in").inner_text()
    page.get_by_role("button", name="Close").click()
    return curl, python, note


def test_page_code_asks_the_same_question(page: Page, server: ModelServer) -> None:
    curl, python, note = code(page)
    assert f"connect('{server.address}', model='digits')" in python
    assert " http://REST_ADDRESS:8501/v1/models/digits:predict <<'END'" in curl
    assert "put the server's REST address in place of REST_ADDRESS:8501" in note
    assert run_python(python) == run_curl(curl.replace("REST_ADDRESS:8501", server.rest)) == "3"


def test_page_code_names_the_model_and_the_rest_address_of_the_page(
    browser: Browser, server: ModelServer
) -> None:
    with page_process(f"rest://{server.rest}", f"--model={OTHER}") as address:
        for page in window(browser, address):
            curl, python, note = code(page)
    assert f"connect('rest://{server.rest}', model='{OTHER}')" in python
    assert f" http://{server.rest}/v1/models/{OTHER}:predict <<'END'" in curl
    assert "REST_ADDRESS" not in note
    assert run_python(python) == run_curl(curl) == "3"


def run_python(code: str) -> str:
    """The label that it prints."""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return said.stdout.split()[0]


def run_curl(command: str) -> str:
    """The digit of the answer."""
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    [answer] = json.loads(said.stdout)["predictions"]
    return str(answer["digit"])
