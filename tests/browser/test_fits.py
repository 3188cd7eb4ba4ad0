"""The page for every window and eye: sizes, contrast, focus, forced colours, nothing jumps."""

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import window
from tests.browser.gestures import choose, digit, settle, touch
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
