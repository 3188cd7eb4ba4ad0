"""Hands on the screen: a palm that rests, a second finger, a pen that comes after a touch."""

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.gestures import digit, inked, inked_at
from tests.browser.stage import on_screen
from tests.browser.strokes import STROKES, Place, smooth

pytestmark = pytest.mark.browser


@pytest.fixture
def hands(phone: Page) -> CDPSession:
    """The browser's own input pipeline."""
    return phone.context.new_cdp_session(phone)


def fingers(hands: CDPSession, kind: str, *places: Place) -> None:
    """All fingers that are down, after one of them moved, came or went."""
    points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
    hands.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def pen(hands: CDPSession, kind: str, place: Place) -> None:
    x, y = place
    button = {"button": "left", "buttons": 1, "clickCount": 1, "pointerType": "pen"}
    hands.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **button})


def test_page_pen_takes_over_from_a_resting_palm(phone: Page, hands: CDPSession) -> None:
    [palm] = on_screen(phone, ((0.85, 0.9),))
    fingers(hands, "touchStart", palm)
    for stroke in STROKES[7]:
        first, *others = on_screen(phone, smooth(stroke))
        pen(hands, "mousePressed", first)
        for place in others:
            pen(hands, "mouseMoved", place)
        pen(hands, "mouseReleased", others[-1])
    fingers(hands, "touchEnd")
    expect(digit(phone)).to_have_text("7")
    assert not inked_at(phone, 0.85, 0.9)
    for _ in STROKES[7]:
        phone.get_by_role("button", name="Undo").tap()
    assert not inked(phone)
    expect(phone.get_by_role("button", name="Undo")).to_be_disabled()
    expect(phone.locator(".history button")).to_have_count(0)


def test_page_second_finger_discards_a_first_one_that_rested(
    phone: Page, hands: CDPSession
) -> None:
    palm, start, stop = on_screen(phone, ((0.8, 0.85), (0.4, 0.2), (0.4, 0.8)))
    fingers(hands, "touchStart", palm)
    fingers(hands, "touchStart", palm, start)
    fingers(hands, "touchMove", palm, stop)
    fingers(hands, "touchEnd")
    assert not inked_at(phone, 0.8, 0.85)
    assert inked_at(phone, 0.4, 0.5)
    phone.get_by_role("button", name="Undo").tap()
    assert not inked(phone)
    expect(phone.get_by_role("button", name="Undo")).to_be_disabled()


def test_page_second_finger_draws_nothing_while_the_first_one_draws(
    phone: Page, hands: CDPSession
) -> None:
    one, moved, two, stop = on_screen(phone, ((0.3, 0.3), (0.3, 0.6), (0.7, 0.3), (0.7, 0.7)))
    fingers(hands, "touchStart", one)
    fingers(hands, "touchMove", moved)
    fingers(hands, "touchStart", moved, two)
    fingers(hands, "touchMove", moved, stop)
    fingers(hands, "touchEnd")
    assert inked_at(phone, 0.3, 0.5)
    assert not inked_at(phone, 0.7, 0.5)


def test_page_touch_that_the_browser_cancels_leaves_no_dot(phone: Page, hands: CDPSession) -> None:
    [palm] = on_screen(phone, ((0.6, 0.6),))
    fingers(hands, "touchStart", palm)
    fingers(hands, "touchCancel")
    assert not inked(phone)
    expect(phone.get_by_role("button", name="Undo")).to_be_disabled()
