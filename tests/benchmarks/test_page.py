"""The benchmarks of the page and of whole numbers: small, for real; and what they recorded."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.numbers import PAPERS, SPACINGS, write_number
from benchmarks.ui import Seen, bench, draw, summarise
from serving.client.number.segments import find_digits
from tests.browser.stage import page_process
from tests.support.client_doubles import Stage, grpc_double
from ui.answers.drawing import decode

RESULTS = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize("digit", range(10))
def test_draw_digit_grows_and_is_what_the_page_sends(digit: int) -> None:
    drawn, frames = draw(digit, np.random.default_rng(1))
    assert drawn == digit
    assert len(frames) > 3
    assert len({decode(frame).picture for frame in frames}) == len(frames)


def test_bench_people_are_all_answered() -> None:
    with grpc_double(Stage()) as server, page_process(server) as address:
        seen = asyncio.run(bench(address, people=3, seconds=2))
    assert len(seen.finished) >= 3
    assert (seen.refused, seen.right <= len(seen.finished)) == (0, True)


def test_summary_says_whether_the_aim_was_kept() -> None:
    assert summarise(Seen(live=[10.0] * 99, finished=[900.0]), 2, 10)["kept"]
    assert not summarise(Seen(live=[10.0] * 90, finished=[1100.0] * 10), 2, 10)["kept"]
    assert not summarise(Seen(live=[10.0] * 99, finished=[900.0], refused=1), 2, 10)["kept"]


@pytest.mark.parametrize("paper", PAPERS)
def test_written_number_has_its_digits_apart(paper: str) -> None:
    bars = np.zeros((3, 28, 28), np.uint8)
    bars[:, 4:24, 12:15] = 255
    assert (
        len(find_digits(write_number(bars, "apart", paper, np.random.default_rng(1))).groups) == 3
    )


def test_recorded_page_and_numbers_say_how_they_were_made() -> None:
    page, numbers = (
        json.loads((RESULTS / name).read_text(encoding="utf-8"))
        for name in ("ui.json", "numbers.json")
    )
    assert page["command"].startswith("python -m benchmarks.ui")
    assert page["people"] == 32
    assert page["kept"] == (page["all"]["p95_ms"] <= page["aim_p95_ms"] and not page["turned_away"])
    assert numbers["command"].startswith("python -m benchmarks.numbers")
    assert {(row["spacing"], row["paper"]) for row in numbers["rows"]} == {
        (spacing, paper) for spacing in SPACINGS for paper in PAPERS
    }
    for row in numbers["rows"]:
        assert row["interval"][0] <= row["read_right"] <= row["interval"][1]
        assert row["read_right"] <= row["as_many_digits_as_written"] <= 1
