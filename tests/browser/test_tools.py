"""The page besides drawing one digit: pens, keys, whole numbers, what an answer shows, darkness."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.gestures import (
    choose,
    digit,
    hand_over,
    ink,
    inked_at,
    line,
    sentence,
    touch,
)
from tests.browser.stage import draw
from ui.answers.reading import DOTS, NOTHING_DRAWN

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


def test_page_pen_width_changes_the_next_stroke_only(page: Page) -> None:
    line(page, (0.3, 0.2), (0.3, 0.8))
    thin = ink(page)
    page.get_by_label("Width of the pen").fill("15")
    assert ink(page) == thin
    line(page, (0.7, 0.2), (0.7, 0.8))
    assert 2.7 * thin < ink(page) < 3.3 * thin  # of twice the width


def test_page_is_drawn_on_with_the_keyboard_alone(page: Page) -> None:
    canvas = page.get_by_label("Drawing pad")
    for _ in range(20):
        page.keyboard.press("Tab")
        if canvas.evaluate("canvas => canvas === document.activeElement"):
            break
    for key, times in (("ArrowUp", 16), (" ", 1), ("ArrowDown", 32), (" ", 1), ("ArrowLeft", 10)):
        for _ in range(times):
            page.keyboard.press(key)
    expect(digit(page)).to_have_text("1")
    assert inked_at(page, 0.5, 0.75)
    assert not inked_at(page, 0.4, 0.82)  # the pen was lifted; its ring is further left
    assert page.evaluate("scrollY") == 0
    page.keyboard.press("Delete")
    expect(sentence(page)).to_have_text(NOTHING_DRAWN.sentence)


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


def test_page_drawing_is_the_same_in_all_ways_to_read(page: Page) -> None:
    draw(page, 6)
    expect(digit(page)).to_have_text("6")
    choose(page, "Compare models")
    expect(sentence(page)).to_have_text("All 2 agree on 6.")
    choose(page, "A whole number")
    expect(page.locator("#pad .over rect")).to_have_count(1)
    choose(page, "One digit")
    expect(page.locator(".bars .winner .name")).to_have_text("6")


def test_page_in_the_dark_shows_bright_ink_and_photos_as_they_are(dark: Page, photo: bytes) -> None:
    filtered = "canvas => getComputedStyle(canvas).filter"
    draw(dark, 0)
    expect(digit(dark)).to_have_text("0")
    assert dark.locator("#pad canvas").evaluate(filtered) == "invert(1)"
    hand_over(dark, photo, "image/jpeg", "paste")
    expect(digit(dark)).to_have_text("7")
    assert dark.locator("#pad canvas").evaluate(filtered) == "none"


def test_page_dots_are_no_digit(page: Page) -> None:
    line(page, (0.4, 0.4), (0.41, 0.4))
    line(page, (0.6, 0.4), (0.61, 0.4))
    expect(sentence(page)).to_have_text(DOTS.sentence)
