"""Asks a page as its own JavaScript does, over HTTP."""

import json
import time
import uuid

import httpx

from ui.answers.drawing import Sheet, to_sent
from ui.answers.reading import SLOW

_TIMEOUT = 60.0


def wait_for_page(address: str, seconds: float) -> None:
    """Return once the page answers.

    Raises:
        TimeoutError: it did not in time.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if httpx.get(address, timeout=5, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError(f"expected the page at {address} within {seconds:g} s")


def ask_page(address: str, png: bytes) -> str:
    """What the page tells its reader about a drawing, as HTML."""
    session = uuid.uuid4().hex[:10]
    question = {
        "data": [to_sent(Sheet(picture=png))],
        "fn_index": 0,
        "session_hash": session,
        "event_data": None,
        "trigger_id": None,
    }
    with httpx.Client(base_url=address, timeout=_TIMEOUT, trust_env=False) as browser:
        browser.post("/gradio_api/queue/join", json=question).raise_for_status()
        with browser.stream("GET", f"/gradio_api/queue/data?session_hash={session}") as lines:
            for line in lines.iter_lines():
                if "process_completed" in line:
                    return str(json.loads(line.removeprefix("data: "))["output"]["data"][0])
    raise AssertionError("expected an answer; received the end of the stream")


def ask_patiently(address: str, png: bytes) -> str:
    """The same, asked again while the page says that the server takes too long, as the page does by
    itself: on a busy machine other models are still being loaded then."""
    until = time.monotonic() + _TIMEOUT
    while SLOW.sentence in (told := ask_page(address, png)) and time.monotonic() < until:
        time.sleep(1)
    return told
