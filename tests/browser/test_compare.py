"""Comparing models on the page, offered only where there is something to compare."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import OTHER, window
from tests.browser.gestures import choose, digit, sentence, settle
from tests.browser.stage import ModelServer, draw, page_process

pytestmark = pytest.mark.browser


def test_page_compare_shows_each_model_and_whether_they_agree(page: Page) -> None:
    choose(page, "Compare models")
    draw(page, 5)
    expect(sentence(page)).to_have_text("All 2 agree on 5.")
    expect(page.locator(".facts")).to_contain_text(re.compile(r"^Trust digits version \d+ most: "))
    rows = page.locator(".answer tbody tr")
    expect(rows).to_have_count(3)
    for row, name in zip(rows.all(), ("digits", OTHER), strict=False):
        expect(row).to_have_text(re.compile(rf"^{name}\d+5[>\d.%]+%9\d\.\d\d%\d+ ms$"))
    expect(rows.last).to_have_text("absentnot served")


def test_page_with_one_version_offers_no_comparison(browser: Browser, server: ModelServer) -> None:
    with page_process(server.address, "--compare=absent") as address:
        for page in window(browser, address):
            draw(page, 4)
            expect(digit(page)).to_have_text("4")
            settle(page)
            expect(page.get_by_text("A whole number")).to_be_visible()
            expect(page.get_by_text("Compare models")).to_be_hidden()


def test_page_comparison_of_a_link_is_shown_where_it_is_not_offered(
    browser: Browser, server: ModelServer
) -> None:
    with page_process(server.address) as address:
        for page in window(browser, f"{address}/#d=compare.ku,3us,1kw,0,4mo"):
            expect(sentence(page)).to_contain_text("Only one version answers here")
            expect(page.get_by_text("Compare models")).to_be_visible()
            choose(page, "One digit")
            expect(page.get_by_text("Compare models")).to_be_hidden()


def test_page_offers_the_comparison_at_once(page: Page) -> None:
    expect(page.get_by_text("Compare models")).to_be_visible()
    expect(page.locator(".modes label:visible")).to_have_count(3)
