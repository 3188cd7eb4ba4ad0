"""Inside the network: offered where the version can show its layers, asked by a button, shown
beside the answer that it is about.

The model is played, so that a version with the signature and one without it can be tried whatever
is released.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Locator, Page, expect

from digits.contract import FEATURE_MAPS, FEATURE_MAPS_SHAPE, signatures
from tests.browser.conftest import window
from tests.browser.gestures import expect_to_go_with_the_answer, settle
from tests.browser.stage import draw, page_process
from tests.support.client_doubles import Play, Stage, grpc_double
from ui.answers.feature_maps import NO_MAPS

pytestmark = pytest.mark.browser

DESK = {"width": 1100, "height": 760}
PHONE = {"width": 360, "height": 740}
LAYERS, MAPS, *_ = FEATURE_MAPS_SHAPE
SHADES = (np.arange(LAYERS * MAPS) * 7 + 5).astype(np.uint8).reshape(LAYERS, MAPS)
"""The grey of each map that is played, each another one."""
_POLL = 11_000
"""Milliseconds until the page has surely asked again which signatures there are."""
_SHADE = """async (one, [source, position]) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const context = canvas.getContext("2d");
    context.drawImage(image, -(parseFloat(position) / 100) * (image.width - 28) - 14, -14);
    return context.getImageData(0, 0, 1, 1).data[0];
}"""
"""The grey in the middle of the square that a position in percent shows of an image."""


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="module")
def played(stage: Stage) -> Iterator[str]:
    """The address of a page whose model is played."""
    with grpc_double(stage) as server, page_process(server) as address:
        yield address


@pytest.fixture
def play(stage: Stage) -> Play:
    """A version with the signature."""
    maps = np.zeros((1, *FEATURE_MAPS_SHAPE), np.uint8) + SHADES[..., np.newaxis, np.newaxis]
    stage.play = Play(signatures=signatures(complete=True), changed={"maps": maps})
    return stage.play


@pytest.fixture
def desk(browser: Browser, played: str, play: Play) -> Iterator[Page]:
    """A window on a desktop."""
    yield from window(browser, played, viewport=DESK)


def button(page: Page) -> Locator:
    return page.get_by_role("button", name="Inside the network")


def result(page: Page) -> Locator:
    return page.locator("figure.layers")


def one_map(page: Page, layer: str, place: int) -> Locator:
    return page.get_by_role("button", name=f"{layer} layer, map {place} of {MAPS}")


def draw_and_ask(page: Page) -> None:
    draw(page, 7)
    settle(page)
    expect(button(page)).to_be_visible(timeout=_POLL + 5000)
    button(page).click()
    expect(result(page)).to_be_visible()


def test_page_shows_the_maps_of_each_layer(desk: Page, play: Play) -> None:
    expect(button(desk)).to_be_hidden()
    draw_and_ask(desk)
    assert play.calls[-1] == FEATURE_MAPS
    expect(result(desk).locator("> p")).to_have_text(
        [
            "Early layer: edges and strokes",
            "Middle layer: parts of the digit",
            "Deep layer: where larger shapes are, only roughly",
        ]
    )
    shown = [
        [one.evaluate(_SHADE, background(one)) for one in row.get_by_role("button").all()]
        for row in result(desk).get_by_role("toolbar").all()
    ]
    np.testing.assert_array_equal(shown, SHADES)
    places = [one.bounding_box() for one in result(desk).get_by_role("button").all()]
    assert [place and place["width"] for place in places] == pytest.approx(
        [place and place["height"] for place in places], abs=1
    )


def background(one: Locator) -> list[str]:
    """Address and position of the image behind an element."""
    seen = one.evaluate("one => getComputedStyle(one).backgroundImage")
    position = one.evaluate("one => getComputedStyle(one).backgroundPosition")
    return [seen.removeprefix('url("').removesuffix('")'), position]


def test_page_map_is_enlarged_by_a_click_and_by_keys(desk: Page) -> None:
    draw_and_ask(desk)
    dialog = desk.get_by_role("dialog", name="Enlarged image")
    one_map(desk, "Middle", 3).click()
    expect(dialog).to_contain_text("Middle layer, map 3 of 12: parts of the digit.")
    assert enlarged(dialog) == SHADES[1, 2]
    desk.keyboard.press("Escape")
    one_map(desk, "Deep", 1).focus()
    for keys, place in (
        (["ArrowRight"] * 3, 4),
        (["ArrowLeft"], 3),
        (["End", "ArrowRight"], MAPS),
    ):
        for key in keys:
            desk.keyboard.press(key)
        expect(one_map(desk, "Deep", place)).to_be_focused()
    desk.keyboard.press("Enter")
    assert enlarged(dialog) == SHADES[2, MAPS - 1]
    dialog.get_by_role("button", name="Close").click()
    desk.get_by_role("img", name="as the model saw it").click()
    style = "one => getComputedStyle(one).objectPosition"
    assert dialog.locator("img").evaluate(style) == "50% 50%"


def enlarged(dialog: Locator) -> int:
    """The grey in the middle of what the dialog shows."""
    image = dialog.locator("img")
    assert image.evaluate("image => image.clientWidth === image.clientHeight")
    position = image.evaluate("image => getComputedStyle(image).objectPosition")
    assert image.evaluate("image => getComputedStyle(image).objectFit") == "cover"
    return int(image.evaluate(_SHADE, [image.get_attribute("src"), position]))


def test_page_maps_go_with_the_answer(desk: Page) -> None:
    draw_and_ask(desk)
    expect_to_go_with_the_answer(desk, button(desk), result(desk))


def test_page_offers_no_maps_of_a_version_without_them(
    browser: Browser, stage: Stage, play: Play
) -> None:
    play.signatures = signatures()
    with grpc_double(stage) as server, page_process(server) as address:
        for page in window(browser, address, viewport=DESK):
            draw(page, 7)
            settle(page)
            expect(page.get_by_role("button", name="What would change its mind?")).to_be_visible()
            expect(button(page)).to_be_hidden()
            play.signatures = signatures(complete=True)  # a newer version
            page.wait_for_timeout(_POLL)
            draw(page, 1)
            expect(button(page)).to_be_visible()


def test_page_version_that_lost_its_maps_says_so(desk: Page, play: Play) -> None:
    draw(desk, 7)
    settle(desk)
    expect(button(desk)).to_be_visible()
    assert FEATURE_MAPS not in play.calls
    assert play.calls.count("metadata") <= 3  # the contract's check, and one in ten seconds
    play.signatures = signatures()
    button(desk).click()
    expect(desk.locator("#layers").get_by_role("status")).to_have_text(NO_MAPS.sentence)


@pytest.mark.parametrize(
    "options",
    [
        {"viewport": DESK},
        {"viewport": DESK, "color_scheme": "dark"},
        {"viewport": PHONE, "has_touch": True, "is_mobile": True},
        {"viewport": PHONE, "forced_colors": "active"},
    ],
    ids=["desk", "dark", "phone", "forced colours"],
)
def test_page_maps_are_for_everyone(
    browser: Browser, played: str, play: Play, options: dict[str, object]
) -> None:
    for page in window(browser, played, **options):
        draw_and_ask(page)
        settle(page)
        faults = Axe().run(page, context="#on_demand, #layers").response["violations"]
        assert [(fault["id"], fault["nodes"][0]["html"][:120]) for fault in faults] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        first = one_map(page, "Early", 1)
        assert first.evaluate("one => getComputedStyle(one).backgroundImage").startswith("url(")
        if options["viewport"] == PHONE:
            for one in page.locator("#on_demand button, #layers button").all():
                box = one.bounding_box()
                assert box is not None
                assert min(box["width"], box["height"]) >= 44
        first.focus()
        page.keyboard.press("ArrowRight")
        width = "() => parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
        assert page.evaluate(width) >= 2
