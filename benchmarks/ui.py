"""Thirty-two people draw on the page at once: how long do their answers take?

`make bench NAME=ui`, or `python -m benchmarks.ui --help`. The page, the embedded server and the
released model are the real ones. The people speak the page's own protocol, at the pace of its
script, since so many browsers would need a machine of their own; they share the cores.
"""

import asyncio
import io
import itertools
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

import httpx
import numpy as np
from PIL import Image, ImageDraw
from pydantic import Field

from benchmarks.options import BenchmarkSettings
from benchmarks.record import record
from digits.settings import load
from tests.browser.stage import model_server, page_process
from tests.browser.strokes import STROKES, Place, smooth
from tests.support.released_server import RELEASED
from ui.answers.drawing import Sheet, to_sent

RESULTS_FILE: Final = "ui.json"
_AIM: Final = 400.0
"""Milliseconds that 95 of 100 answers may take at most."""
_SIDE: Final = 280
_PEN: Final = 21
"""Pixels; both as in ui/pad/sheet.js."""
_FRAME: Final = 0.15
"""Seconds between two questions while drawing; as in ui/pad/asking.js."""
_STROKE: Final = 0.2
"""Seconds that a tenth of the pad's side takes a hand."""
_LOOK: Final = 1.5
"""Seconds that a person looks at an answer before drawing on."""
_HANDS: Final = 4
"""Ways that each digit is drawn."""
_SEED: Final = 20263


@dataclass
class Seen:
    """What the people saw, in milliseconds from having drawn something to its answer."""

    live: list[float] = field(default_factory=list)
    """While a digit was being drawn."""
    finished: list[float] = field(default_factory=list)
    """Of finished digits."""
    right: int = 0
    """Finished digits that were read right."""
    refused: int = 0
    """Questions that the page turned away."""
    questions: int = 0
    """Asked so far, by all."""
    overtaken: int = 0
    """Drawings that were drawn on before they could be asked about, as the page's script does."""


Frames = tuple[int, list[str]]
"""A digit, and what is sent while it grows."""


def draw(digit: int, generator: np.random.Generator) -> Frames:
    """Draw a digit as somebody's hand would, and note what the page has every `_FRAME` seconds."""
    size, left, top = generator.uniform(0.7, 1.1), *generator.uniform(-0.1, 0.1, 2)
    strokes = [
        [(0.5 + size * (x - 0.5) + left, 0.5 + size * (y - 0.5) + top) for x, y in smooth(stroke)]
        for stroke in STROKES[digit]
    ]
    frames: list[str] = []
    drawn: list[list[Place]] = []
    spent = 0.0
    for stroke in strokes:
        drawn.append([stroke[0]])
        for before, place in itertools.pairwise(stroke):
            drawn[-1].append(place)
            spent += _STROKE * 10 * float(np.hypot(place[0] - before[0], place[1] - before[1]))
            if spent >= _FRAME * (len(frames) + 1):
                frames.append(_sent(drawn))
    return digit, [*frames, _sent(drawn)]


def _sent(strokes: Sequence[Sequence[Place]]) -> str:
    sheet = Image.new("RGB", (_SIDE, _SIDE), "white")
    pen = ImageDraw.Draw(sheet)
    for stroke in strokes:
        places = [(x * _SIDE, y * _SIDE) for x, y in stroke]
        pen.line(places, fill="black", width=_PEN, joint="curve")
        for x, y in places:
            pen.ellipse((x - _PEN / 2, y - _PEN / 2, x + _PEN / 2, y + _PEN / 2), fill="black")
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return to_sent(Sheet(picture=file.getvalue()))


async def bench(address: str, people: int, seconds: float) -> Seen:
    """Let them draw for so long."""
    generator = np.random.default_rng(_SEED)
    hands = [draw(digit, generator) for digit in range(10) for _ in range(_HANDS)]
    seen, end = Seen(), time.monotonic() + seconds
    limits = httpx.Limits(max_connections=2 * people)
    async with (
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=60, limits=limits) as client,
        asyncio.TaskGroup() as group,
    ):
        for number in range(people):
            group.create_task(_person(client, number, hands, seen, end))
    return seen


async def _person(
    client: httpx.AsyncClient, number: int, hands: Sequence[Frames], seen: Seen, end: float
) -> None:
    generator = np.random.default_rng([_SEED, number])
    await asyncio.sleep(generator.uniform(0, _LOOK))
    while time.monotonic() < end:
        digit, frames = hands[int(generator.integers(len(hands)))]
        asking: asyncio.Task[None] | None = None
        for frame in frames[:-1]:
            await asyncio.sleep(_FRAME)
            if asking is None or asking.done():
                asking = asyncio.create_task(_look(client, number, frame, seen))
            else:
                seen.overtaken += 1
        await asyncio.sleep(_FRAME)
        drawn = time.perf_counter()
        if asking is not None:
            await asking  # one question at a time, as the page's script asks
        label = await _ask(client, number, frames[-1], seen)
        if label is not None:
            seen.finished.append((time.perf_counter() - drawn) * 1000)
            seen.right += label == str(digit)
        await asyncio.sleep(_LOOK)


async def _look(client: httpx.AsyncClient, number: int, frame: str, seen: Seen) -> None:
    """Ask about a digit that is not finished."""
    drawn = time.perf_counter()
    if await _ask(client, number, frame, seen) is not None:
        seen.live.append((time.perf_counter() - drawn) * 1000)


async def _ask(client: httpx.AsyncClient, number: int, sent: str, seen: Seen) -> str | None:
    """Ask as the page's script does; returns the digit answered, None if the page was too busy."""
    seen.questions += 1
    session = f"person{number}x{seen.questions}"
    question = {
        "data": [sent],
        "fn_index": 0,
        "session_hash": session,
        "event_data": None,
        "trigger_id": None,
    }
    joined = await client.post("/gradio_api/queue/join", json=question)
    if joined.status_code == 200:
        async with client.stream(
            "GET", "/gradio_api/queue/data", params={"session_hash": session}
        ) as lines:
            async for line in lines.aiter_lines():
                if "process_completed" in line:
                    panel = json.loads(line.removeprefix("data: "))["output"]["data"][0]
                    return str(panel).partition('data-label="')[2][:1]
    seen.refused += 1
    return None


def summarise(seen: Seen, people: int, seconds: float) -> dict[str, object]:
    """What is recorded."""

    def percentiles(times: Sequence[float]) -> dict[str, float]:
        return {
            f"p{share}_ms": round(float(np.percentile(times, share)), 1) for share in (50, 95, 99)
        }

    together = [*seen.live, *seen.finished]
    return {
        "people": people,
        "seconds": seconds,
        "answers": len(together),
        "answers_per_s": round(len(together) / seconds, 1),
        "all": percentiles(together),
        "while_drawing": percentiles(seen.live),
        "finished_digits": percentiles(seen.finished)
        | {"count": len(seen.finished), "read_right": seen.right / len(seen.finished)},
        "turned_away": seen.refused,
        "overtaken": seen.overtaken,
        "aim_p95_ms": _AIM,
        "kept": float(np.percentile(together, 95)) <= _AIM and not seen.refused,
    }


class PageBenchmarkSettings(BenchmarkSettings):
    """Many people who draw on the page at once."""

    program: ClassVar[str] = "python -m benchmarks.ui"

    people: int = Field(default=32, ge=1, description="number of people")
    seconds: float = Field(default=60, gt=0, description="duration in seconds")


def main(argv: Sequence[str]) -> int:
    """Measure and write; returns the exit code."""
    chosen = load(PageBenchmarkSettings, argv)
    with model_server(RELEASED) as server, page_process(server.address) as address:
        asyncio.run(bench(address, chosen.people, 5))  # the first answers load what later ones have
        seen = asyncio.run(bench(address, chosen.people, chosen.seconds))
    found = summarise(seen, chosen.people, chosen.seconds)
    print(json.dumps(found, indent=2))
    record(found, chosen.results / RESULTS_FILE, "benchmarks.ui", argv)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
