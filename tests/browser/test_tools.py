"""The page besides drawing one digit: undo, pens, keys, photos, history, whole numbers, comparing,
corrections, both themes."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

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
from ui.reading import DOTS, NOTHING_DRAWN

pytestmark = pytest.mark.browser


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
    expect(sentence(page)).to_contain_text("Of the ten digits it is most like")
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


def test_page_history_has_a_title_a_scroll_bar_and_is_forgotten_on_request(page: Page) -> None:
    expect(page.get_by_text("Your last drawings")).to_be_hidden()
    for place in range(12):
        line(page, (0.1 + 0.05 * place, 0.2), (0.1 + 0.05 * place, 0.8))
        page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("heading", name="Your last drawings")).to_be_visible()
    page.set_viewport_size({"width": 500, "height": 760})
    bar = "list => getComputedStyle(list, '::-webkit-scrollbar').height"  # headless shows none
    assert page.locator(".history").evaluate(bar) == "10px"
    assert page.locator(".history").evaluate("list => list.scrollWidth > list.clientWidth")
    page.get_by_role("button", name="Forget all").click()
    expect(page.get_by_text("Your last drawings")).to_be_hidden()
    page.reload()
    expect(sentence(page)).to_have_text(NOTHING_DRAWN.sentence)
    expect(page.locator(".history button")).to_have_count(0)


@pytest.mark.parametrize(("name", "mode"), [("3", "One digit"), ("42", "A whole number")])
def test_page_example_is_drawn_stroke_by_stroke_and_read(page: Page, name: str, mode: str) -> None:
    expect(page.locator(".examples button")).to_have_count(3)
    page.get_by_role("button", name=f"Watch {name} being drawn").click()
    page.wait_for_function("document.querySelector('#pad .hint').hidden")
    some = ink(page)
    expect(digit(page)).to_have_text(name)
    settle(page)
    assert 0 < some < ink(page) / 2
    expect(page.get_by_label(mode)).to_be_checked()
    expect(page.locator(".examples")).to_have_count(0)


def test_page_example_stops_where_somebody_draws(page: Page) -> None:
    page.get_by_role("button", name="Watch 5 being drawn").click()
    page.wait_for_function("document.querySelector('#pad .hint').hidden")
    line(page, (0.1, 0.9), (0.9, 0.9))
    before = ink(page)
    page.wait_for_timeout(500)
    assert ink(page) == before


def test_page_small_image_is_shown_larger_by_a_click(page: Page) -> None:
    draw(page, 3)
    page.get_by_role("button", name="mattered most").click()
    large = page.get_by_role("dialog", name="Enlarged image")
    expect(large).to_contain_text("Orange marks the pixels on which this answer depends most.")
    assert large.locator("img").evaluate("image => image.clientWidth") >= 300
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()


def test_page_on_a_phone_has_ten_bars_beside_the_pad(phone: Page) -> None:
    touch(phone, 3)
    expect(digit(phone)).to_have_text("3")
    expect(phone.locator(".strip .winner .name")).to_have_text("3")
    expect(phone.locator(".strip li:visible")).to_have_count(10)
    strip, pad = phone.locator(".strip").bounding_box(), phone.locator("canvas").bounding_box()
    assert strip is not None
    assert pad is not None
    assert strip["x"] >= pad["x"] + pad["width"]
    assert strip["height"] == pytest.approx(pad["height"], abs=4)
    choose(phone, "A whole number")
    expect(phone.locator(".strip")).to_be_hidden()


def test_page_whole_number_is_read_with_boxes(page: Page) -> None:
    choose(page, "A whole number")
    for place, number in enumerate((2, 0, 2, 6)):
        draw(page, number, left=0.55 * place - 0.15)
    expect(digit(page)).to_have_text("2026")
    expect(sentence(page)).to_contain_text("2026")
    boxes = page.locator("#pad .over")
    expect(boxes.locator("rect")).to_have_count(4)
    expect(boxes.locator("text")).to_have_text([re.compile(rf"^{one}>?\d") for one in "2026"])
    expect(page.locator("#desk")).not_to_have_attribute("data-answer", "old")
    expect(boxes.locator("rect").first).to_be_visible()
    first, pad = boxes.locator("rect").first.bounding_box(), page.locator("canvas").bounding_box()
    assert first is not None
    assert pad is not None
    assert first["x"] == pytest.approx(pad["x"] + 0.17 * pad["height"], abs=0.08 * pad["height"])
    assert first["height"] == pytest.approx(0.66 * pad["height"], abs=0.08 * pad["height"])
    expect(page.locator(".each li")).to_have_count(4)
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


def test_page_drawing_is_the_same_in_all_ways_to_read(page: Page) -> None:
    draw(page, 6)
    expect(digit(page)).to_have_text("6")
    choose(page, "Compare models")
    expect(sentence(page)).to_have_text("All 2 agree on 6.")
    choose(page, "A whole number")
    expect(page.locator("#pad .over rect")).to_have_count(1)
    choose(page, "One digit")
    expect(page.locator(".bars .winner .name")).to_have_text("6")


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


def test_page_redo_brings_back_what_undo_took(page: Page) -> None:
    redo = page.get_by_role("button", name="Redo")
    expect(redo).to_be_disabled()
    draw(page, 7)
    before = ink(page)
    page.get_by_role("button", name="Undo").click()
    assert ink(page) < before
    redo.click()
    assert ink(page) == before
    expect(redo).to_be_disabled()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+Shift+z")
    assert ink(page) == before
    page.get_by_role("button", name="Undo").click()
    line(page, (0.1, 0.9), (0.9, 0.9))
    expect(redo).to_be_disabled()


def test_page_dots_are_no_digit(page: Page) -> None:
    line(page, (0.4, 0.4), (0.41, 0.4))
    line(page, (0.6, 0.4), (0.61, 0.4))
    expect(sentence(page)).to_have_text(DOTS.sentence)
