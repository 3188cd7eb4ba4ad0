"""The page for every window and every eye: sizes, forced colours, nothing that jumps."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import window
from tests.browser.gestures import digit, settle
from tests.browser.stage import draw

pytestmark = pytest.mark.browser

_SHIFTS = """() => new Promise(done => {
    let sum = 0;
    const add = list => list.getEntries().forEach(entry => (sum += entry.value));
    new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(sum), 1500);
})"""
"""All layout shifts so far, also those that follow an input."""


def test_page_pad_and_its_tools_fit_a_low_window(page: Page) -> None:
    page.set_viewport_size({"width": 1024, "height": 700})
    for part in (page.locator("#pad canvas"), page.get_by_label("Width of the pen")):
        box = part.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 700
    box = page.locator("#pad canvas").bounding_box()
    assert box is not None
    assert box["width"] == pytest.approx(box["height"], abs=3)


@pytest.mark.parametrize("size", ["page", "phone"])
def test_page_hardly_moves_while_it_loads(size: str, request: pytest.FixtureRequest) -> None:
    page: Page = request.getfixturevalue(size)
    assert page.evaluate(_SHIFTS) < 0.05


def test_page_captions_fit_on_one_line(page: Page) -> None:
    draw(page, 3)
    expect(page.get_by_role("img", name="mattered most")).to_be_visible()
    heights = "all => all.map(one => one.getBoundingClientRect().height)"
    for height in page.locator(".answer figcaption").evaluate_all(heights):
        assert height < 20


def test_page_on_a_phone_has_buttons_for_thumbs(phone: Page) -> None:
    draw(phone, 3)
    expect(digit(phone)).to_have_text("3")
    phone.get_by_role("button", name="Clear").tap()
    draw(phone, 4)
    expect(digit(phone)).to_have_text("4")
    settle(phone)
    small = phone.locator(
        "#desk button:visible, #history button:visible, .modes label"
    ).evaluate_all(
        """all => all.map(one => [one.textContent, one.getBoundingClientRect()])
            .filter(([, box]) => box.width < 44 || box.height < 44).map(([name]) => name)"""
    )
    assert small == []


def test_page_in_forced_colours_keeps_bars_modes_and_borders(
    browser: Browser, address: str
) -> None:
    for page in window(
        browser, address, viewport={"width": 1024, "height": 700}, forced_colors="active"
    ):
        draw(page, 5)
        expect(digit(page)).to_have_text("5")
        style = "(one, name) => getComputedStyle(one)[name]"
        winner = page.locator(".bars .winner .track")
        assert float(winner.evaluate(style, "borderTopWidth").removesuffix("px")) >= 1
        paper = page.locator("body").evaluate(style, "backgroundColor")
        for part in (winner.locator("span"), page.locator(".modes input:checked + span")):
            assert part.evaluate(style, "backgroundColor") not in (paper, "rgba(0, 0, 0, 0)")
