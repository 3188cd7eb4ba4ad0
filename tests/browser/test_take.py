"""A drawing taken away: as a link, as a picture, as code that asks the same."""

import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Request, expect

from tests.browser.gestures import digit, ink, settle
from tests.browser.stage import ModelServer, draw

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
    "fragment", ["#d=digit", "#d=digit.1,2", "#d=<b>.jj,1,1", "#d=digit.zzzzzz,1,1"]
)
def test_page_link_that_somebody_made_up_draws_nothing(page: Page, fragment: str) -> None:
    page.evaluate("fragment => (location.hash = fragment)", fragment)
    settle(page)
    assert ink(page) == 0
    expect(page.locator(".examples")).to_be_visible()


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


def test_page_code_asks_the_same_question(page: Page, server: ModelServer) -> None:
    draw(page, 3)
    expect(digit(page)).to_have_text("3")
    settle(page)
    page.get_by_role("button", name="As code").click()
    curl, python = (
        page.get_by_label("curl").input_value(),
        page.get_by_label("Python").input_value(),
    )
    page.get_by_role("button", name="Close").click()
    here = python.replace("grpc://localhost:8500", server.address)
    said = subprocess.run([sys.executable, "-c", here], capture_output=True, text=True, check=True)
    assert said.stdout.split()[0] == "3"
    body = re.search(r"<<'END'\n(.*)\nEND$", curl, re.DOTALL)
    assert body is not None
    asked = json.loads(body[1])
    assert asked["signature_name"] == "drawings"
    assert asked["instances"][0]["b64"] in python
