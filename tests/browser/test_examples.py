"""The examples of the empty page, which draw themselves."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.gestures import (
    digit,
    ink,
    line,
    settle,
)

pytestmark = pytest.mark.browser


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
