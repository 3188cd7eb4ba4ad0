"""The page besides drawing one digit: undo, pens, keys, photos, history, whole numbers, comparing,
corrections, both themes."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import OTHER
from tests.browser.gestures import (
    choose,
    digit,
    hand_over,
    ink,
    inked,
    line,
    sentence,
    settle,
    touch,
)
from tests.browser.stage import draw
from tests.support.released_server import draw_seven
from ui.reading import NOTHING_DRAWN

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def photo() -> bytes:
    """A JPEG of a 7 on paper in uneven light."""
    grey = np.asarray(Image.open(io.BytesIO(draw_seven())).convert("L"), np.float32)
    light = (
        0.9
        - 0.3 * np.linspace(0, 1, grey.shape[1])
        - 0.1 * np.linspace(0, 1, grey.shape[0])[:, np.newaxis]
    )
    file = io.BytesIO()
    Image.fromarray((grey * light).astype(np.uint8)).save(file, "JPEG", quality=80)
    return file.getvalue()


def test_page_answer_shows_what_mattered(page: Page) -> None:
    draw(page, 3)
    mattered = page.get_by_role("img", name="mattered most")
    expect(mattered).to_be_visible()
    assert mattered.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [28, 28]


def test_page_scribble_is_told_to_be_no_digit(page: Page) -> None:
    for place in range(9):
        line(page, (0.1 + 0.1 * place, 0.1), (0.1 + 0.1 * place, 0.9))
    for place in range(4):
        line(page, (0.1, 0.2 + 0.2 * place), (0.9, 0.2 + 0.2 * place))
    expect(sentence(page)).to_contain_text("This does not look like a digit. As one it would be")
    expect(digit(page)).to_have_text("?")


def test_page_undo_takes_back_one_stroke_and_then_a_clear(page: Page) -> None:
    undo, clear = page.get_by_role("button", name="Undo"), page.get_by_role("button", name="Clear")
    expect(undo).to_be_disabled()
    draw(page, 7)
    expect(digit(page)).to_have_text("7")
    line(page, (0.1, 0.95), (0.9, 0.95))
    before = ink(page)
    undo.click()
    assert ink(page) < before
    expect(digit(page)).to_have_text("7")
    clear.click()
    expect(sentence(page)).to_have_text(NOTHING_DRAWN.sentence)
    undo.click()
    expect(digit(page)).to_have_text("7")
    for _ in range(9):
        page.keyboard.press("Control+z")
    assert not inked(page)
    expect(undo).to_be_disabled()


def test_page_pen_width_changes_the_next_stroke_only(page: Page) -> None:
    line(page, (0.3, 0.2), (0.3, 0.8))
    thin = ink(page)
    page.get_by_label("Width of the pen").fill("15")
    assert ink(page) == thin
    line(page, (0.7, 0.2), (0.7, 0.8))
    assert ink(page) > 2.7 * thin


def test_page_is_drawn_on_with_the_keyboard_alone(page: Page) -> None:
    canvas = page.get_by_label("Drawing pad")
    for _ in range(20):
        page.keyboard.press("Tab")
        if canvas.evaluate("canvas => canvas === document.activeElement"):
            break
    for key, times in (("ArrowUp", 16), (" ", 1), ("ArrowDown", 32), (" ", 1), ("ArrowLeft", 5)):
        for _ in range(times):
            page.keyboard.press(key)
    expect(digit(page)).to_have_text("1")
    assert page.evaluate("scrollY") == 0
    page.keyboard.press("Delete")
    expect(sentence(page)).to_have_text(NOTHING_DRAWN.sentence)


def test_page_history_keeps_the_last_drawings_and_brings_one_back(page: Page) -> None:
    for number in (4, 9):
        draw(page, number)
        expect(digit(page)).to_have_text(str(number))
        page.get_by_role("button", name="Clear").click()
    kept = page.locator(".history button")
    expect(kept).to_have_text(["9", "4"])
    draw(page, 1)
    expect(digit(page)).to_have_text("1")
    page.get_by_role("button", name="read as 4").click()
    expect(digit(page)).to_have_text("4")
    expect(kept).to_have_text(["1", "9", "4"])
    page.get_by_role("button", name="Undo").click()
    expect(digit(page)).to_have_text("1")


def test_page_history_has_the_same_drawing_once(page: Page) -> None:
    draw(page, 3)
    for button in ("Clear", "Undo", "Clear", "Undo"):
        page.get_by_role("button", name=button).click()
    expect(page.locator(".history button")).to_have_count(1)


def test_page_history_is_bounded(page: Page) -> None:
    for place in range(15):
        line(page, (0.1 + 0.05 * place, 0.2), (0.1 + 0.05 * place, 0.8))
        page.get_by_role("button", name="Clear").click()
    expect(page.locator(".history button")).to_have_count(12)


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


def test_page_whole_number_is_read_with_boxes(page: Page) -> None:
    choose(page, "A whole number")
    for place, number in enumerate((2, 0, 2, 6)):
        draw(page, number, left=0.55 * place - 0.15)
    expect(digit(page)).to_have_text("2026")
    expect(sentence(page)).to_contain_text("Looks like 2026")
    expect(page.locator(".found rect")).to_have_count(4)
    expect(page.locator(".found text")).to_have_text(list("2026"))
    expect(page.locator(".facts")).to_have_text(
        re.compile(r"^Model version \d+ · answered in \d+ ms$")
    )


def test_page_number_that_does_not_fit_one_digit_is_kept_in_the_history(page: Page) -> None:
    choose(page, "A whole number")
    for place, number in enumerate((1, 7)):
        draw(page, number, left=place * 1.2)
    expect(digit(page)).to_have_text("17")
    choose(page, "One digit")
    expect(sentence(page)).to_have_text(NOTHING_DRAWN.sentence)
    page.get_by_role("button", name="read as 17").click()
    expect(digit(page)).to_have_text("17")
    expect(page.get_by_label("A whole number")).to_be_checked()


def test_page_compare_shows_each_model_and_whether_they_agree(page: Page) -> None:
    choose(page, "Compare models")
    draw(page, 5)
    expect(sentence(page)).to_have_text("All 2 agree on 5.")
    rows = page.locator(".answer tbody tr")
    expect(rows).to_have_count(3)
    for row, name in zip(rows.all(), ("digits", OTHER), strict=False):
        expect(row).to_have_text(re.compile(rf"^{name}\d+5[>\d.%]+\d+ ms$"))
    expect(rows.last).to_have_text("absentnot served")


def test_page_drawing_is_the_same_in_all_ways_to_read(page: Page) -> None:
    draw(page, 6)
    expect(digit(page)).to_have_text("6")
    choose(page, "Compare models")
    expect(sentence(page)).to_have_text("All 2 agree on 6.")
    choose(page, "A whole number")
    expect(page.locator(".found rect")).to_have_count(1)
    choose(page, "One digit")
    expect(page.locator(".bars .winner .name")).to_have_text("6")


def test_page_wrong_answer_is_put_right_with_one_click(page: Page, corrections: Path) -> None:
    keep = page.get_by_role("button", name="Keep this drawing as a 8")
    expect(keep).to_be_hidden()
    draw(page, 8)
    expect(digit(page)).to_have_text("8")
    keep.click()
    expect(page.locator("#kept [role=status]")).to_have_text("Kept as a 8. Thank you.")
    [image] = (corrections / "images" / "8").iterdir()
    record = json.loads(
        (corrections / "records" / f"{image.stem}.json").read_text(encoding="utf-8")
    )
    assert (record["label"], record["answer"], record["model"]) == ("8", "8", "digits")
    assert np.asarray(Image.open(image)).shape == (28, 28)
    assert (corrections / record["drawing"]).is_file()


@pytest.mark.parametrize("mode", ["One digit", "A whole number", "Compare models"])
def test_page_on_a_phone_fits_in_every_mode(phone: Page, mode: str) -> None:
    choose(phone, mode)
    touch(phone, 3, left=0.1)
    expect(digit(phone)).to_have_text("3")
    assert phone.evaluate("scrollY") == 0
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if mode == "One digit":
        assert phone.evaluate(
            "document.querySelector('.answer .digit').getBoundingClientRect().bottom <= innerHeight"
        )


def test_page_in_the_dark_shows_bright_ink_and_photos_as_they_are(dark: Page, photo: bytes) -> None:
    filtered = "canvas => getComputedStyle(canvas).filter"
    draw(dark, 0)
    expect(digit(dark)).to_have_text("0")
    assert dark.locator("#pad canvas").evaluate(filtered) == "invert(1)"
    hand_over(dark, photo, "image/jpeg", "paste")
    expect(digit(dark)).to_have_text("7")
    assert dark.locator("#pad canvas").evaluate(filtered) == "none"


@pytest.mark.parametrize("window", ["page", "dark", "phone"])
def test_page_has_names_contrast_and_order_for_everyone(
    window: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    draw(page, 4)
    page.get_by_role("button", name="Clear").click()
    for mode, number in (("One digit", 2), ("A whole number", 3), ("Compare models", 5)):
        choose(page, mode)
        draw(page, number, left=0.1)
        expect(digit(page)).to_have_text(str(number))
        settle(page)
        faults = Axe().run(page, context="#header, #desk, #history").response["violations"]
        told = [(fault["id"], [node["html"][:120] for node in fault["nodes"]]) for fault in faults]
        assert told == [], mode
        page.get_by_role("button", name="Clear").click()


@pytest.mark.parametrize("button", ["Undo", "Clear", "Photo"])
def test_page_focus_is_seen(page: Page, button: str) -> None:
    draw(page, 3)
    place = page.get_by_role("button", name=button)
    for _ in range(20):
        page.keyboard.press("Tab")
        if place.evaluate("button => button === document.activeElement"):
            break
    assert place.evaluate("button => parseFloat(getComputedStyle(button).outlineWidth)") >= 2
