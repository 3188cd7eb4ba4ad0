"""What would change its mind: asked by a button, shown beside the answer that it is about."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Locator, Page, expect

from serving.client import connect
from tests.browser.conftest import window
from tests.browser.gestures import (
    digit,
    expect_to_go_with_the_answer,
    hold,
    line,
    pictures_sent,
    release,
    settle,
)
from tests.browser.stage import ModelServer, draw
from ui.answers.drawing import Sheet
from ui.answers.occlusion import Occlusion, ask

pytestmark = pytest.mark.browser


def button(page: Page) -> Locator:
    return page.get_by_role("button", name="What would change its mind?")


def result(page: Page) -> Locator:
    return page.locator("figure.parts")


def draw_and_ask(page: Page, number: int) -> None:
    draw(page, number)
    expect(digit(page)).to_have_text(str(number))
    settle(page)
    button(page).click()
    expect(result(page)).to_be_visible()


def test_page_says_what_would_change_its_mind_about_a_seven(
    page: Page, server: ModelServer
) -> None:
    expect(button(page)).to_be_hidden()
    sent = pictures_sent(page)
    draw_and_ask(page, 7)
    with connect(server.address) as client:
        told = ask(client, Sheet(picture=sent[-1]))
    assert isinstance(told, Occlusion)
    said = result(page).get_by_role("status")
    if told.change is None:
        expect(said).to_have_text("No single part decides it.")
    else:
        expect(said).to_have_text(
            re.compile(rf"^Without this part .+ would be read as {told.change.label} \(.+%\)\.$")
        )
    expect(result(page).locator("rect")).to_have_count(0 if told.change is None else 1)
    expect(result(page)).to_contain_text("Blue speaks for 7, orange against it.")
    picture = result(page).get_by_role("img", name="blue parts speak for 7")
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] == box["height"] == pytest.approx(170, abs=4)


def test_page_digit_that_one_part_decides_has_a_box_around_it(page: Page) -> None:
    draw_and_ask(page, 6)  # open at its lower left it is a 5
    expect(result(page).locator("rect")).to_have_count(1)
    expect(result(page).get_by_role("status")).to_contain_text(
        re.compile(r"^Without this part \(in the box, \w+ left\) it would be read as 5 ")
    )


def test_page_what_would_change_its_mind_goes_with_the_answer(page: Page) -> None:
    draw_and_ask(page, 7)
    expect_to_go_with_the_answer(page, button(page), result(page))


def test_page_asked_while_the_answer_is_old_waits_for_the_new_one(page: Page) -> None:
    draw(page, 7)
    settle(page)
    held = hold(page)
    line(page, (0.1, 0.95), (0.3, 0.95))
    expect(page.locator("#desk")).to_have_attribute("data-answer", "old")
    button(page).click()
    page.wait_for_timeout(500)
    assert {json.loads(route.request.post_data or "")["fn_index"] for route in held} == {0}
    release(page, held)
    expect(result(page)).to_be_visible()
    asked = page.locator(".answer").get_attribute("data-asked")
    expect(result(page)).to_have_attribute("data-asked", asked or "")


def test_page_what_would_change_its_mind_is_for_keys_and_screen_readers(page: Page) -> None:
    draw(page, 7)
    settle(page)
    button(page).focus()
    page.keyboard.press("Enter")
    expect(result(page)).to_be_visible()
    settle(page)
    faults = Axe().run(page, context="#on_demand, #occluded").response["violations"]
    assert [(fault["id"], fault["nodes"][0]["html"][:120]) for fault in faults] == []


def test_page_what_would_change_its_mind_is_seen_in_forced_colours(
    browser: Browser, address: str
) -> None:
    size = {"width": 360, "height": 740}
    for page in window(browser, address, viewport=size, forced_colors="active"):
        draw_and_ask(page, 7)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for part, name in (("svg", "borderTopColor"), ("p[role]", "color")):
            seen = f"one => getComputedStyle(one).{name}"
            assert result(page).locator(part).evaluate(seen) == "rgb(0, 0, 0)"
