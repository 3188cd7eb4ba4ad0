"""What the page keeps of its callers: memory, sessions, bodies that never end."""

import asyncio
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr
import httpx
import pytest
from gradio.state_holder import StateHolder

from digits.contract import DRAWING_MAX_BYTES
from tests.browser.stage import page_program
from ui.answers.drawing import Sheet, to_sent
from ui.web.questions import RECEIVE_SECONDS
from ui.web.sessions import Sessions

JOIN, DATA = "/gradio_api/queue/join", "/gradio_api/queue/data"
LARGE = to_sent(Sheet("number", bytes(DRAWING_MAX_BYTES - 2)))
QUESTION = {"data": [""], "fn_index": 0, "session_hash": "someone"}
STRANGER = {"X-Forwarded-For": "192.0.2.7"}
CALLERS = 60
"""So many that what the allocator takes, now and then, for itself is little of what each sent."""


@pytest.fixture(scope="module")
def page() -> Iterator[tuple[httpx.Client, int]]:
    """Talks to a page whose model server is away, and the number of the page's process."""
    with (
        page_program("grpc://127.0.0.1:9") as (address, process),
        httpx.Client(base_url=address, trust_env=False, timeout=60) as browser,
    ):
        yield browser, process


def join(browser: httpx.Client, session: str, sent: str = "") -> None:
    question = {**QUESTION, "data": [sent], "session_hash": session}
    until = time.monotonic() + RECEIVE_SECONDS + 60
    while (answer := browser.post(JOIN, json=question)).status_code == 503:
        assert time.monotonic() < until
        time.sleep(0.05)
    answer.raise_for_status()


def collect(browser: httpx.Client, session: str) -> httpx.Response:
    return browser.get(DATA, params={"session_hash": session})


def head(browser: httpx.Client, request: str, *fields: str) -> bytes:
    """A request of a stranger, as a proxy on this machine passes it on."""
    address = ": ".join(*STRANGER.items())
    lines = [f"{request} HTTP/1.1", f"Host: {authority(browser)}", address, *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def begun_question(browser: httpx.Client, length: int) -> bytes:
    return head(browser, f"POST {JOIN}", f"Content-Length: {length}")


def authority(browser: httpx.Client) -> str:
    return urlsplit(str(browser.base_url)).netloc


def connect(browser: httpx.Client) -> socket.socket:
    name, _, port = authority(browser).partition(":")
    return socket.create_connection((name, int(port)), timeout=RECEIVE_SECONDS + 20)


def resident(process: int) -> float:
    """Megabytes of memory that a process takes."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return float(line.split()[1]) / 1000


@pytest.mark.parametrize("collected", [True, False])
def test_page_does_not_keep_what_its_callers_sent(
    page: tuple[httpx.Client, int], collected: bool
) -> None:
    browser, process = page
    grown = []
    for number in range(2 * CALLERS):
        session = f"{collected}{number}"
        join(browser, session, LARGE)
        if collected:
            assert "process_completed" in collect(browser, session).text
        if number in (CALLERS - 1, 2 * CALLERS - 1):
            time.sleep(1)
            grown.append(resident(process))
    per_caller = (grown[1] - grown[0]) / CALLERS
    assert per_caller < 0.2 * len(LARGE) / 1e6, grown


def test_page_forgets_answers_that_nobody_collects(page: tuple[httpx.Client, int]) -> None:
    browser, _ = page
    join(browser, "first")
    for number in range(300):
        join(browser, f"more{number}")
    assert collect(browser, "first").status_code == 404
    assert "process_completed" in collect(browser, "more299").text


def test_page_collected_session_has_nothing_left_to_collect(
    page: tuple[httpx.Client, int],
) -> None:
    browser, _ = page
    join(browser, "once")
    assert "process_completed" in collect(browser, "once").text
    again = collect(browser, "once")
    assert again.status_code == 200
    assert again.text == 'data: {"msg":"close_stream","event_id":null}\n\n'
    assert collect(browser, "never").status_code == 404


def test_sessions_remember_only_the_last_that_were_complete() -> None:
    async def collect_all() -> list[bool]:
        sessions = Sessions(gr.Blocks())
        for number in range(300):
            async with sessions.collecting(str(number), ""):
                pass
        return [sessions.is_complete(str(number)) for number in (0, 43, 44, 299)]

    assert asyncio.run(collect_all()) == [False, False, True, True]


def test_sessions_question_asked_while_the_last_stream_ends_keeps_its_place() -> None:
    async def end_while_the_queue_is_busy() -> tuple[object, object]:
        sessions = Sessions(blocks := gr.Blocks())
        queue = blocks._queue
        queue.pending_messages_per_session["someone"] = "answers"
        async with queue.delete_lock:  # as Gradio holds it while it looks for the next question
            stream = sessions.collecting("someone", "192.0.2.7")
            await stream.__aenter__()
            ending = asyncio.create_task(stream.__aexit__(None, None, None))
            await asyncio.sleep(0.01)
            queue.pending_messages_per_session["someone"] = "more"  # as its `push` does
            queue.pending_event_ids_session["someone"] = {"question"}
        await ending
        found = queue.pending_messages_per_session, queue.pending_event_ids_session
        return tuple(waiting.get("someone") for waiting in found)

    assert asyncio.run(end_while_the_queue_is_busy()) == ("more", {"question"})


def test_sessions_have_what_gradio_asks_for_but_no_configurations() -> None:
    async def look() -> None:  # Gradio's queue is made for a running loop
        with gr.Blocks() as page:
            box = gr.HTML("")
            box.change(lambda shown: shown, box, box)
        sessions, holder = Sessions(page), StateHolder()
        holder.set_blocks(page)
        whole = holder["before"]
        sessions.spare_configurations()
        light = holder["after"]
        assert light.blocks_config.fns == whole.blocks_config.fns
        assert light.blocks_config.blocks == whole.blocks_config.blocks
        assert whole.config_values[box._id]["props"]
        light._update_value_in_config(box._id, "shown")
        assert light.config_values[box._id] == {}

    asyncio.run(look())


def test_page_bodies_that_do_not_end_leave_room_for_others(
    page: tuple[httpx.Client, int],
) -> None:
    browser, _ = page
    with ExitStack() as opened:
        strangers = [opened.enter_context(connect(browser)) for _ in range(70)]
        for one in strangers:
            one.sendall(begun_question(browser, 100) + b"{")
        statuses = [browser.post(JOIN, json=QUESTION).status_code for _ in range(3)]
        refused = [one for one in strangers if select.select([one], [], [], 0.1)[0]]
        assert statuses == [200, 200, 200]
        assert len(refused) >= 70 - 64 + 1
        assert all(one.recv(100).startswith(b"HTTP/1.1 503") for one in refused)


def test_sessions_streams_that_do_not_end_leave_room_for_others() -> None:
    async def collect_all() -> list[bool]:
        sessions = Sessions(gr.Blocks())

        async def hold(session: str, address: str) -> None:
            async with sessions.collecting(session, address):
                await asyncio.sleep(60)

        held = [asyncio.create_task(hold(str(number), "theirs")) for number in range(300)]
        mine = asyncio.create_task(hold("mine", "mine"))
        await asyncio.sleep(0.1)
        await sessions.admit("more", "mine")
        ended = [one.done() for one in [*held, mine]]
        for one in (*held, mine):
            one.cancel()
        return ended

    ended = asyncio.run(collect_all())
    assert ended == [True] * 45 + [False] * 256


def test_page_body_that_never_ends_is_cut_off(page: tuple[httpx.Client, int]) -> None:
    browser, _ = page
    begun = time.monotonic()
    with connect(browser) as connection:
        connection.sendall(begun_question(browser, 100) + b"{")
        answer = connection.recv(100)
        assert answer.startswith(b"HTTP/1.1 408")
        while connection.recv(1000):
            pass  # until the page closes it
    assert time.monotonic() - begun < RECEIVE_SECONDS + 15
