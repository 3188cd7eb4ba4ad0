"""The chart of how the answer changed while the drawing was made, and its handle."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.gestures import choose, digit, ink, line, settle

pytestmark = pytest.mark.browser


def handle(page: Page) -> Locator:
    return page.get_by_label("Replay the drawing")


def watch_five(page: Page) -> None:
    """At the speed of a hand, so that several answers come on the way."""
    page.get_by_role("button", name="Watch 5 being drawn").click()
    expect(digit(page)).to_have_text("5")
    expect(page.locator(".history button")).to_have_count(0)
    page.wait_for_timeout(2500)  # the second stroke
    settle(page)


def test_page_handle_replays_ink_and_bars_and_gives_them_back(page: Page) -> None:
    watch_five(page)
    shares = "all => all.map(one => Number(one.ariaValueNow))"
    whole, bars = ink(page), page.locator(".bars .track").evaluate_all(shares)
    expect(page.locator(".mind polyline")).to_have_count(10)
    handle(page).fill("8")
    expect(page.locator(".moment")).to_contain_text("At this point:")
    assert 0 < ink(page) < whole / 2
    assert page.locator(".bars .track").evaluate_all(shares) != bars
    handle(page).fill("40")
    assert ink(page) == whole
    assert page.locator(".bars .track").evaluate_all(shares) == bars
    expect(digit(page)).to_have_text("5")


def test_page_drawing_on_ends_the_replay(page: Page) -> None:
    watch_five(page)
    whole = ink(page)
    handle(page).fill("8")
    line(page, (0.1, 0.95), (0.2, 0.95))
    assert ink(page) > whole
    expect(handle(page)).to_have_value("40")
    page.get_by_role("button", name="Undo").click()
    expect(digit(page)).to_have_text("5")
    assert ink(page) == whole


def test_page_reloaded_and_its_history_keep_the_chart(page: Page) -> None:
    watch_five(page)
    page.reload()
    settle(page)
    expect(page.locator(".mind polyline")).to_have_count(10)
    page.get_by_role("button", name="Clear").click()
    expect(handle(page)).to_be_hidden()
    page.locator(".history button").click()
    settle(page)
    expect(page.locator(".mind polyline")).to_have_count(10)
    choose(page, "A whole number")
    expect(handle(page)).to_be_hidden()


def test_page_replay_names_the_labels_of_the_model(page: Page) -> None:
    watch_five(page)
    page.evaluate(
        """async () => {
            const { showColumns } = await import(new URL("pad/reply.js", document.baseURI));
            showColumns([0, 0.7, 0.3, 0, 0, 0, 0, 0, 0, 0], 1, [..."abcdefghij"]);
        }"""
    )
    expect(page.locator(".leaders .name")).to_have_text(["b", "c"])
    handle(page).fill("8")
    expect(page.locator(".leaders .name").first).to_have_text(re.compile(r"^\d$"))
