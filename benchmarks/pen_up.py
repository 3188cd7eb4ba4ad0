"""From lifting the pen to the answer on the page, in a real browser.

`make bench NAME=pen_up`, or `python -m benchmarks.pen_up --help`. Digits are drawn with the mouse
at a hand's pace on the page that `make demo` opens, answered by the released models. Browser, page
and server share the cores.
"""

import json
import math
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, Final

import numpy as np
from playwright.sync_api import Page
from pydantic import Field

from benchmarks.options import BenchmarkSettings
from benchmarks.record import record
from digits.settings import load
from tests.browser.stage import chromium, on_screen, open_page, released_page
from tests.browser.strokes import STROKES, Place, smooth

RESULTS_FILE: Final = "pen-up.json"
_AIM: Final = 150.0
"""Milliseconds that the median may be at most. Source: the page's issue."""
_PACE: Final = 2.0
"""Seconds that a hand takes for a stroke as long as the pad's side, as in benchmarks/ui.py."""
_WATCH: Final = """() => {
    const desk = document.querySelector("#desk");
    const see = () => requestAnimationFrame(() => {
        if (window.lifted === null || desk.dataset.answer === "old") return;
        window.wait = performance.now() - window.lifted;
        window.lifted = null;
    });
    window.lifted = null;
    document.addEventListener("pointerdown", () => (window.lifted = null));
    document.addEventListener("pointerup", () => { window.lifted = performance.now(); see(); });
    new MutationObserver(see).observe(desk, { attributes: true });
}"""
"""Keeps in `window.wait` the milliseconds from the last lifting of the pen to the frame that shows
the answer to the whole drawing."""
_SEEN: Final = "() => window.lifted === null"


class PenUpSettings(BenchmarkSettings):
    """Time from lifting the pen to the answer."""

    program: ClassVar[str] = "python -m benchmarks.pen_up"

    drawings: int = Field(default=30, ge=1, description="digits that are drawn, 0 to 9 in turn")


def main(argv: Sequence[str]) -> int:
    """Measure, print and record; returns the exit code, 1 if the aim is missed."""
    chosen = load(PenUpSettings, argv)
    waits = measure(chosen.drawings)
    found = {
        "aim_ms": _AIM,
        "median_ms": round(float(np.median(waits)), 1),
        "p90_ms": round(float(np.percentile(waits, 90)), 1),
        "waits_ms": [round(wait, 1) for wait in waits],
    }
    print(json.dumps(found, indent=2))
    record(found, chosen.results / RESULTS_FILE, "benchmarks.pen_up", argv)
    return int(float(np.median(waits)) > _AIM)


def measure(drawings: int) -> list[float]:
    """Milliseconds from the end of each drawing to its answer."""
    with (
        released_page() as address,
        chromium() as browser,
    ):
        page = browser.new_page()
        open_page(page, address)
        page.evaluate(_WATCH)
        return [_wait(page, number % len(STROKES)) for number in range(drawings)]


def _wait(page: Page, digit: int) -> float:
    for stroke in STROKES[digit]:
        _draw(page, smooth(stroke))
    page.wait_for_function(_SEEN)
    wait = float(page.evaluate("window.wait"))
    page.get_by_role("button", name="Clear").click()
    return wait


def _draw(page: Page, stroke: Sequence[Place]) -> None:
    first, *others = on_screen(page, stroke)
    page.mouse.move(*first)
    page.mouse.down()
    for place, (start, stop) in zip(others, pairwise(stroke), strict=True):
        time.sleep(_PACE * math.dist(start, stop))
        page.mouse.move(*place)
    page.mouse.up()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
