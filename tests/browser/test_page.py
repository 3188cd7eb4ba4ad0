"""The page as a person uses it: a real Chromium, a real page, the real embedded server and the
released model."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from serving.client import connect
from tests.browser.gestures import inked, inked_at, pictures_sent, sentence, settle, touch
from tests.browser.stage import ModelServer, draw, on_screen
from tests.browser.strokes import STROKES, smooth
from ui.answers.reading import AWAY, NOTHING_DRAWN

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("digit", range(10))
def test_page_digit_drawn_with_the_mouse_is_read_right(page: Page, digit: int) -> None:
    draw(page, digit)
    expect(page.locator(".answer .digit")).to_have_text(str(digit))
    expect(sentence(page)).to_contain_text(f"Looks like {digit}")


def test_page_while_a_stroke_is_still_drawn_answers_already(page: Page) -> None:
    first, *others = on_screen(page, smooth(STROKES[7][0]))
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place)
    expect(page.locator(".answer .digit")).to_have_text("7")
    page.mouse.up()


def test_page_answer_shows_bars_in_order_what_the_model_saw_version_and_latency(page: Page) -> None:
    draw(page, 3)
    expect(page.locator(".answer .digit")).to_have_text("3")
    expect(page.locator(".facts")).to_have_text(
        re.compile(r"^Model version \d+ · answered in \d+ ms$")
    )
    expect(page.locator(".bars .name")).to_have_text(list("0123456789"))
    expect(page.locator(".bars .winner .name")).to_have_text("3")
    seen = page.get_by_role("img", name="as the model saw it")
    assert seen.evaluate(
        "image => [image.naturalWidth, image.naturalHeight, image.clientWidth >= 112]"
    ) == [28, 28, True]
    assert seen.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"


def test_page_drawing_has_the_same_probabilities_as_the_client(
    page: Page, server: ModelServer
) -> None:
    sent = pictures_sent(page)
    draw(page, 5)
    expect(page.locator(".answer .digit")).to_have_text("5")
    settle(page)
    shown = page.locator(".bars .track").evaluate_all("bars => bars.map(bar => bar.ariaValueNow)")
    with connect(server.address) as client:
        [answer] = client.read([sent[-1]])
    np.testing.assert_allclose(np.array(shown, np.float32), answer.probabilities, rtol=0, atol=1e-6)


def test_page_without_a_drawing_says_so(page: Page) -> None:
    expect(sentence(page)).to_have_text(NOTHING_DRAWN.sentence)
    expect(page.get_by_role("button", name="Clear")).to_be_disabled()
    expect(page.locator(".answer .digit")).to_have_count(0)


def test_page_clear_forgets_the_drawing_and_the_next_one_is_read(page: Page) -> None:
    draw(page, 8)
    expect(page.locator(".answer .digit")).to_have_text("8")
    page.get_by_role("button", name="Clear").click()
    expect(sentence(page)).to_have_text(NOTHING_DRAWN.sentence)
    assert not inked(page)
    draw(page, 1)
    expect(page.locator(".answer .digit")).to_have_text("1")


def test_page_clear_works_from_the_keyboard(page: Page) -> None:
    draw(page, 0)
    expect(page.locator(".answer .digit")).to_have_text("0")
    page.get_by_role("button", name="Clear").focus()
    page.keyboard.press("Enter")
    expect(sentence(page)).to_have_text(NOTHING_DRAWN.sentence)


def test_page_tap_leaves_a_dot(page: Page) -> None:
    [place] = on_screen(page, ((0.5, 0.5),))
    page.mouse.click(*place)
    assert inked_at(page, 0.5, 0.5)


def test_page_right_button_draws_nothing(page: Page) -> None:
    first, last = on_screen(page, ((0.3, 0.3), (0.7, 0.7)))
    page.mouse.move(*first)
    page.mouse.down(button="right")
    page.mouse.move(*last, steps=4)
    page.mouse.up(button="right")
    assert not inked(page)


def test_page_server_killed_says_so_and_recovers_with_the_last_drawing(
    page: Page, server: ModelServer
) -> None:
    draw(page, 2)
    expect(page.locator(".answer .digit")).to_have_text("2")
    server.kill()
    try:
        page.get_by_role("button", name="Clear").click()
        expect(sentence(page)).to_have_text(AWAY.sentence)
        draw(page, 4)
        expect(sentence(page)).to_have_text(AWAY.sentence)
        assert inked(page)
    finally:
        server.start()
    expect(page.locator(".answer .digit")).to_have_text("4")


def test_page_on_a_phone_is_drawn_on_by_touch_and_does_not_scroll(phone: Page) -> None:
    touch(phone, 6)
    expect(phone.locator(".answer .digit")).to_have_text("6")
    assert phone.evaluate("scrollY") == 0
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.get_by_role("button", name="Clear").tap()
    expect(sentence(phone)).to_have_text(NOTHING_DRAWN.sentence)
