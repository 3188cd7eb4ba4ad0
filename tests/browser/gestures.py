"""What a person does with the page besides drawing, and what they see of it."""

import base64
import json

from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.browser.stage import on_screen
from tests.browser.strokes import STROKES, smooth

_JOIN = "**/gradio_api/queue/join*"
_INKED = """pad => {
    const empty = document.createElement("canvas");
    [empty.width, empty.height] = [pad.width, pad.height];
    return pad.toDataURL() !== empty.toDataURL();
}"""
_INK = """pad => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [pad.width, pad.height];
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(pad, 0, 0);
    const pixels = context.getImageData(0, 0, pad.width, pad.height).data;
    let inked = 0;
    for (let i = 3; i < pixels.length; i += 4) inked += pixels[i] > 127;
    return inked / (pad.width * pad.height);
}"""
_INKED_AT = """(pad, [x, y]) => {
    const pixel = document.createElement("canvas").getContext("2d");
    pixel.drawImage(pad, -x * pad.height, -y * pad.height);
    return pixel.getImageData(0, 0, 1, 1).data[3] > 0;
}"""
# The change of a style begins with the next frame; spinners never end.
_STILL = """async () => {
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    const moving = document.getAnimations().filter(
        one => Number.isFinite(one.effect.getComputedTiming().endTime));
    await Promise.allSettled(moving.map(one => one.finished));
}"""
_HAND_OVER = """async (target, [picture, type, event, name]) => {
    const bytes = await (await fetch(`data:${type};base64,${picture}`)).blob();
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type }));
    const made = event === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    target.dispatchEvent(made);
}"""


def touch(page: Page, digit: int, left: float = 0.0) -> None:
    """Draw a digit with a finger, through the browser's own input pipeline, scrolling included."""
    devtools = page.context.new_cdp_session(page)
    for stroke in STROKES[digit]:
        for number, (x, y) in enumerate(
            on_screen(page, [(x + left, y) for x, y in smooth(stroke)])
        ):
            kind = "touchMove" if number else "touchStart"
            devtools.send(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]}
            )
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def line(page: Page, start: tuple[float, float], stop: tuple[float, float]) -> None:
    """A straight stroke with the mouse, in units of the pad's height."""
    first, last = on_screen(page, (start, stop))
    page.mouse.move(*first)
    page.mouse.down()
    page.mouse.move(*last, steps=5)
    page.mouse.up()


def hand_over(page: Page, picture: bytes, kind: str, event: str, name: str = "picture") -> None:
    """Paste or drop a picture; `event` is "paste" or "drop"."""
    page.locator("#pad canvas").evaluate(
        _HAND_OVER, [base64.b64encode(picture).decode("ascii"), kind, event, name]
    )


def digit(page: Page) -> Locator:
    """The answer, large."""
    return page.locator(".answer .digit")


def sentence(page: Page) -> Locator:
    """What the page says, in words; read aloud by a screen reader when it changes."""
    return page.locator(".answer .sentence[role=status]")


def pictures_sent(page: Page) -> list[bytes]:
    """The encoded pictures that the page asks about from now on; the list grows."""
    sent: list[bytes] = []

    def note(request: Request) -> None:
        if request.post_data and (question := json.loads(request.post_data)["data"][0]):
            sent.append(base64.b64decode(json.loads(question)["picture"].partition(",")[2]))

    page.on("request", note)
    return sent


def hold(page: Page) -> list[Route]:
    """Let the page's questions wait; gives them."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(_JOIN, keep)
    return held


def release(page: Page, held: list[Route]) -> None:
    """Pass on what waits and what comes after it."""
    for route in held:
        route.continue_()
    page.unroute(_JOIN)


def settle(page: Page) -> None:
    """Wait until the page has begun, answers about the drawing as it is now, and nothing moves."""
    expect(page.locator("#pad canvas")).to_be_visible()
    expect(page.locator("#desk")).not_to_have_attribute("data-answer", "old")
    page.evaluate(_STILL)


def choose(page: Page, mode: str) -> None:
    """Click one of the three ways to read; `mode` is its name on the page."""
    page.locator(".modes").get_by_text(mode).click()


def inked(page: Page) -> bool:
    """Whether the pad shows any ink."""
    return bool(page.locator("#pad canvas").evaluate(_INKED))


def expect_ink(page: Page) -> None:
    """Wait until the pad shows some ink; a page that was just loaded draws again what it kept."""
    page.wait_for_function(f"({_INKED})(document.querySelector('#pad canvas'))")


def ink(page: Page) -> float:
    """The share of the pad that is covered."""
    return float(page.locator("#pad canvas").evaluate(_INK))


def inked_at(page: Page, x: float, y: float) -> bool:
    """Whether the pad shows ink at a place, in units of its height."""
    return bool(page.locator("#pad canvas").evaluate(_INKED_AT, [x, y]))


def expect_to_go_with_the_answer(page: Page, button: Locator, result: Locator) -> None:
    """What a button has shown about the drawing is dimmed while a newer one has no answer, gone
    when it has, and neither is offered for a whole number; nothing below moves."""
    below = page.get_by_role("button", name="As code")
    before = below.bounding_box()
    held = hold(page)
    line(page, (0.1, 0.95), (0.3, 0.95))
    expect(page.locator("#desk")).to_have_attribute("data-answer", "old")
    expect(result).to_have_css("opacity", "0.35")
    release(page, held)
    settle(page)
    expect(result).to_be_hidden()
    assert below.bounding_box() == before
    button.click()
    expect(result).to_be_visible()
    choose(page, "A whole number")
    expect(button).to_be_hidden()
    expect(result).to_be_hidden()
