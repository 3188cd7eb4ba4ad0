"""The page whose server is lost, restarted or slow, and the page that is loaded again: nothing is
lost, and no old answer stands beside a new drawing."""

from collections.abc import Callable, Sequence

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.browser.gestures import choose, digit, hand_over, ink, inked, line, settle
from tests.browser.stage import ModelServer, draw, open_page, page_process
from tests.support.ports import free_port
from tests.support.released_server import draw_seven

pytestmark = pytest.mark.browser

JOIN = "**/gradio_api/queue/join*"
DATA = "**/gradio_api/queue/data*"
LOST = "This page has lost its server. Your drawing is kept"


def hold_first(held: list[Route]) -> Callable[[Route], None]:
    """A handler that lets the first request wait and passes on the others."""

    def hold(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    return hold


def wait_for(page: Page, noted: Sequence[object]) -> None:
    """Wait until the browser has done what is noted in a list."""
    for _ in range(150):
        if noted:
            return
        page.wait_for_timeout(100)
    raise AssertionError("expected a request within 15 s; received none")


def test_page_one_aborted_question_is_asked_again_without_a_reload(tab: Page) -> None:
    draw(tab, 5)
    expect(digit(tab)).to_have_text("5")
    tab.evaluate("window.isTheSame = true")
    tab.get_by_role("button", name="Clear").click()
    expect(digit(tab)).to_have_count(0)
    aborted: list[str] = []

    def abort_once(route: Route) -> None:
        if aborted:
            route.continue_()
        else:
            aborted.append(route.request.url)
            route.abort()

    tab.route(JOIN, abort_once)
    draw(tab, 3)
    expect(digit(tab)).to_have_text("3")
    assert aborted
    assert tab.evaluate("window.isTheSame")
    expect(tab.locator(".history button")).to_have_text(["5"])


def test_page_answer_that_arrives_before_its_question_is_confirmed_is_no_error(
    page: Page,
) -> None:
    """`page` fails the test if the browser complains."""
    draw(page, 5)
    expect(digit(page)).to_have_text("5")
    settle(page)
    streams: list[Route] = []
    page.route(DATA, hold_first(streams))
    line(page, (0.1, 0.05), (0.15, 0.05))
    wait_for(page, streams)
    questions: list[Route] = []
    page.route(JOIN, hold_first(questions))
    page.get_by_role("button", name="Keep this drawing as a 5").click()
    wait_for(page, questions)
    [question], [stream] = questions, streams
    taken = question.fetch()
    ended: list[Request] = []

    def note_end(request: Request) -> None:
        if request == stream.request:
            ended.append(request)

    page.on("requestfinished", note_end)
    page.on("requestfailed", note_end)  # Gradio's script aborts what has ended
    stream.continue_()
    wait_for(page, ended)
    question.fulfill(response=taken)
    expect(page.locator("#kept [role=status]")).to_have_text("Kept as a 5. Thank you.")
    settle(page)
    expect(page.locator(".toast-wrap :visible")).to_have_count(0)


def test_page_without_network_dims_the_old_answer_says_so_and_goes_on(tab: Page) -> None:
    draw(tab, 5)
    expect(digit(tab)).to_have_text("5")
    panel = tab.locator("#panel")
    expect(panel).to_have_css("opacity", "1")
    tab.context.set_offline(True)
    tab.get_by_role("button", name="Clear").click()
    draw(tab, 3)
    expect(tab.locator("#desk")).to_have_attribute("data-answer", "old")
    expect(panel).to_have_css("opacity", "0.35")
    expect(tab.locator(".lost[role=status]")).to_contain_text(LOST, timeout=8_000)
    expect(tab.get_by_text("Connection Lost")).not_to_be_visible()
    expect(tab.locator(".toast-wrap :visible")).to_have_count(0)
    assert inked(tab)
    tab.context.set_offline(False)
    expect(digit(tab)).to_have_text("3")
    expect(panel).to_have_css("opacity", "1")
    expect(tab.locator(".lost")).to_be_hidden()
    expect(tab.locator(".history button")).to_have_text(["5"])


def test_page_whose_process_is_restarted_keeps_the_drawing_and_reads_it(
    browser: Browser, server: ModelServer
) -> None:
    port = free_port()
    context = browser.new_context(viewport={"width": 1100, "height": 760})
    tab = context.new_page()
    with page_process(server.address, port=port) as address:
        open_page(tab, address)
        draw(tab, 5)
        expect(digit(tab)).to_have_text("5")
        tab.get_by_role("button", name="Clear").click()
    draw(tab, 3)
    expect(tab.locator(".lost")).to_contain_text(LOST, timeout=8_000)
    expect(tab.locator(".toast-wrap :visible")).to_have_count(0)
    with page_process(server.address, port=port):
        expect(digit(tab)).to_have_text("3")
        expect(tab.locator(".history button")).to_have_text(["5"])
    context.close()


def test_page_reloaded_in_the_middle_of_a_drawing_shows_no_difference(tab: Page) -> None:
    draw(tab, 7)
    expect(digit(tab)).to_have_text("7")
    tab.get_by_role("button", name="Clear").click()
    choose(tab, "A whole number")
    tab.get_by_label("Width of the pen").fill("10")
    line(tab, (0.4, 0.2), (0.4, 0.8))
    line(tab, (1.2, 0.2), (1.2, 0.8))
    before = ink(tab)
    tab.reload()
    expect(digit(tab)).to_have_text("11")
    assert ink(tab) == before
    expect(tab.get_by_label("A whole number")).to_be_checked()
    expect(tab.get_by_label("Width of the pen")).to_have_value("10")
    expect(tab.locator(".history button")).to_have_text(["7"])
    tab.get_by_role("button", name="Undo").click()
    expect(digit(tab)).to_have_text("1")


def test_page_reloaded_under_the_pen_keeps_the_stroke_so_far(tab: Page) -> None:
    box = tab.locator("#pad canvas").bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 40, steps=8)
    before = ink(tab)
    tab.reload()
    expect(digit(tab)).to_have_text("1")
    assert ink(tab) == before
    tab.mouse.up()


def test_page_gone_back_to_has_its_drawing_again(tab: Page, address: str) -> None:
    draw(tab, 4)
    expect(digit(tab)).to_have_text("4")
    tab.goto(f"{address}/favicon.ico")
    tab.go_back()
    expect(digit(tab)).to_have_text("4")
    assert inked(tab)


def test_page_reloaded_keeps_a_photo(tab: Page) -> None:
    hand_over(tab, draw_seven(), "image/png", "drop")
    expect(digit(tab)).to_have_text("7")
    tab.reload()
    expect(digit(tab)).to_have_text("7")
    assert inked(tab)
