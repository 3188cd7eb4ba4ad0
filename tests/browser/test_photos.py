"""Photos on the page: chosen, pasted, dropped, and what is none."""

import io
import json

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.gestures import digit, hand_over, inked, sentence
from tests.browser.stage import draw
from tests.support.released_server import draw_seven
from ui.answers.reading import NO_INK, NOTHING_DRAWN

pytestmark = pytest.mark.browser


def test_page_photo_is_chosen_and_read(page: Page, photo: bytes) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Photo").click()
    chooser.value.set_files({"name": "seven.jpg", "mimeType": "image/jpeg", "buffer": photo})
    expect(digit(page)).to_have_text("7")
    width, height = page.locator("#pad canvas").evaluate(
        "pad => [pad.clientWidth, pad.clientHeight]"
    )
    assert width / height == pytest.approx(900 / 700, rel=0.02)
    page.get_by_role("button", name="Clear").click()
    expect(sentence(page)).to_have_text(NOTHING_DRAWN.sentence)


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_page_picture_pasted_or_dropped_is_read(page: Page, event: str) -> None:
    hand_over(page, draw_seven(), "image/png", event)
    expect(digit(page)).to_have_text("7")


def test_page_large_photo_is_made_smaller_before_it_is_sent(page: Page) -> None:
    large = io.BytesIO()
    Image.open(io.BytesIO(draw_seven())).resize((4500, 3500)).save(large, "PNG")
    with page.expect_request(
        lambda request: "queue/join" in request.url and "jpeg" in (request.post_data or "")
    ) as asked:
        hand_over(page, large.getvalue(), "image/png", "drop")
    sent = json.loads(json.loads(asked.value.post_data or "")["data"][0])["picture"]
    assert (
        page.evaluate(
            "async url => { const i = new Image(); i.src = url; await i.decode(); return i.width; "
            "}",
            sent,
        )
        == 1600
    )
    expect(digit(page)).to_have_text("7")


def test_page_file_that_is_no_picture_says_so_and_loses_nothing(page: Page) -> None:
    draw(page, 2)
    expect(digit(page)).to_have_text("2")
    hand_over(page, b"not a picture", "image/png", "drop")
    expect(page.locator(".note[role=status]")).to_contain_text(
        "not a picture that your browser can show"
    )
    assert inked(page)
    expect(digit(page)).to_have_text("2")


def test_page_photo_without_writing_says_so(page: Page) -> None:
    file = io.BytesIO()
    Image.new("RGB", (600, 400), (228, 226, 222)).save(file, "JPEG")
    hand_over(page, file.getvalue(), "image/jpeg", "drop")
    expect(sentence(page)).to_have_text(NO_INK.sentence)


def test_page_heic_is_named(page: Page) -> None:
    hand_over(page, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic", "drop")
    expect(page.locator(".note")).to_contain_text("Apple's format HEIC")


def test_page_svg_is_read(page: Page) -> None:
    seven = '<path d="M60 50H150L90 170" fill="none" stroke="black" stroke-width="16"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="220">{seven}</svg>'
    hand_over(page, svg.encode(), "image/svg+xml", "drop")
    expect(digit(page)).to_have_text("7")
