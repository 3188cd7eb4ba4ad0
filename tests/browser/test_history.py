"""Undo, Redo and the strip of the last drawings."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.gestures import (
    choose,
    digit,
    ink,
    inked,
    line,
    sentence,
    settle,
)
from tests.browser.stage import draw
from ui.answers.reading import NOTHING_DRAWN

pytestmark = pytest.mark.browser


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
    assert page.evaluate("JSON.parse(sessionStorage.getItem('inkwell')).kept") == []
    settle(page)  # Gradio reports a question that the reload cuts off
    page.reload()
    expect(sentence(page)).to_have_text(NOTHING_DRAWN.sentence)
    expect(page.locator(".history button")).to_have_count(0)


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
