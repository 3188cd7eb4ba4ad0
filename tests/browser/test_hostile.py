"""What is in the tab's storage, in a link or in a dropped file is text or a picture, never a
program, and never breaks the page for good."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.gestures import digit, expect_ink, hand_over, ink, settle
from tests.browser.stage import draw
from tests.support.released_server import draw_seven

pytestmark = pytest.mark.browser

SCRIPT = '"><img src="x" onerror="window.ran = 1"><script>window.ran = 1</script>'
FRAME = {"label": SCRIPT, "probabilities": [0.1] * 10, "names": [SCRIPT] * 10}
DRAWING = {
    "strokes": [{"pen": 0.08, "points": [[0.2, 0.2], [0.5, 0.5], [0.8, 0.2]]}],
    "photo": None,
    "mode": "digit",
}
STATE = {"drawing": DRAWING, "pen": "8", "earlier": [], "later": [], "kept": [], "photos": []}
FOREIGN = "http://127.0.0.1:9/seen.png"
"""Loading it would tell somebody else who draws."""


def reload_with(page: Page, state: object) -> None:
    """Load the page in a tab whose storage has this."""
    stored = json.dumps(json.dumps(state))
    page.add_init_script(
        f"sessionStorage.tried ?? ['inkwell', 'tried'].map(key => sessionStorage[key] = {stored})"
    )
    reload(page)


def reload(page: Page) -> None:
    settle(page)
    page.reload()
    page.wait_for_selector("#pad canvas")
    settle(page)


@pytest.mark.parametrize(
    ("change", "is_taken"),
    [
        ({"drawing": DRAWING | {"frames": [FRAME | {"points": n} for n in (1, 2)]}}, True),
        ({"kept": [{"drawing": DRAWING, "picture": FOREIGN, "label": SCRIPT}]}, False),
        ({"drawing": DRAWING | {"photo": 0}, "photos": [FOREIGN]}, False),
        ({"drawing": DRAWING | {"mode": "constructor"}}, False),
        ({"drawing": DRAWING | {"strokes": [None]}}, False),
        ({"drawing": DRAWING | {"strokes": [{"pen": 0.08, "points": None}]}}, False),
        ({"drawing": DRAWING | {"frames": [FRAME | {"points": SCRIPT}]}}, False),
        ({"earlier": [5]}, False),
    ],
    ids=["script", "kept", "photo", "mode", "stroke", "points", "frame", "earlier"],
)
def test_page_stored_state_is_never_run_and_only_taken_whole(
    tab: Page, change: dict[str, object], is_taken: bool
) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    reload_with(tab, STATE | change)
    if is_taken:
        expect_ink(tab)
    else:
        assert ink(tab) == 0
    assert tab.evaluate("window.ran ?? null") is None
    reload(tab)
    assert FOREIGN not in asked
    if not is_taken:
        draw(tab, 7)
        expect(digit(tab)).to_have_text("7")


@pytest.mark.parametrize("name", [SCRIPT + ".png", "../../etc/passwd", "x" * 5_000])
def test_page_file_name_is_never_shown(page: Page, name: str) -> None:
    hand_over(page, draw_seven(), "image/png", "drop", name)
    expect(digit(page)).to_have_text("7")
    assert name not in page.content()
    assert page.evaluate("window.ran ?? null") is None


def test_page_svg_with_foreign_parts_is_refused_and_spoils_nothing(page: Page) -> None:
    """A canvas that shows such a picture can never be read again, so nothing could be sent."""
    part = '<img xmlns="http://www.w3.org/1999/xhtml" src="x" onerror="window.ran = 1"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg"><foreignObject>{part}</foreignObject></svg>'
    hand_over(page, svg.encode(), "image/svg+xml", "drop")
    expect(page.locator(".note")).to_contain_text("not a picture that your browser can show")
    hand_over(page, draw_seven(), "image/png", "drop")
    expect(digit(page)).to_have_text("7")
    assert page.evaluate("window.ran ?? null") is None


def test_page_link_as_long_as_it_may_be_is_drawn(page: Page) -> None:
    fragment = "#d=digit.jj,1xl,1xl" + ",5" * 99_000
    page.evaluate("fragment => (location.hash = fragment)", fragment)
    expect_ink(page)
    settle(page)
    page.get_by_role("button", name="Clear").click()
