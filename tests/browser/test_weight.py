"""How much the browser loads on a first visit."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.gestures import settle
from tests.browser.stage import open_page

pytestmark = pytest.mark.browser

MOST = 300_000
"""Bytes on the wire, headers included."""


def test_page_first_visit_is_light(browser: Browser, address: str) -> None:
    loaded: list[float] = []

    def note(event: dict[str, Any]) -> None:
        loaded.append(event["encodedDataLength"])

    context = browser.new_context()
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.on("Network.loadingFinished", note)
    open_page(page, address)
    expect(page.locator(".examples button")).to_have_count(3)
    settle(page)
    page.wait_for_load_state("networkidle")
    context.close()
    assert len(loaded) > 20
    assert 100_000 < sum(loaded) <= MOST
