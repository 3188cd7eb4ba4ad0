import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.serving.h2load import check_report
from benchmarks.serving.load import Call, Outcome, closed, merge, open_loop
from benchmarks.serving.page import plot
from benchmarks.serving.record import RESULTS_FILE, ServingResult, percentiles

RESULTS = Path(__file__).parents[2] / "results"


class Protocol:
    """Answers at once, or refuses every other call; counts what comes in."""

    def __init__(self, outcomes: tuple[Outcome, ...] = (Outcome.ANSWERED,)) -> None:
        self.outcomes = outcomes
        self.calls = 0
        self.lock = threading.Lock()

    @contextmanager
    def connect(self) -> Iterator[Call]:
        def call() -> Outcome:
            with self.lock:
                self.calls += 1
                return self.outcomes[self.calls % len(self.outcomes)]

        yield call


def test_closed_loop_counts_every_call_but_the_first_of_each_caller() -> None:
    protocol = Protocol()
    sample = closed(protocol.connect, clients=3, seconds=0.2)
    assert len(sample.latencies[Outcome.ANSWERED]) == protocol.calls - 3 > 0
    assert sample.seconds >= 0.2


def test_open_loop_calls_at_every_instant_of_its_process_and_tells_refusals_apart() -> None:
    protocol = Protocol((Outcome.ANSWERED, Outcome.REFUSED))
    sample = open_loop(protocol.connect, rate=200, seconds=1, workers=4, seed=1)
    assert 140 < protocol.calls < 260, "the Poisson process of this seed"
    assert (
        abs(len(sample.latencies[Outcome.ANSWERED]) - len(sample.latencies[Outcome.REFUSED])) <= 1
    )


def test_open_loop_counts_the_wait_for_a_free_caller() -> None:
    hold = threading.Event()

    @contextmanager
    def connect() -> Iterator[Call]:
        def call() -> Outcome:
            hold.wait(0.05)
            return Outcome.ANSWERED

        yield call

    sample = open_loop(connect, rate=100, seconds=0.5, workers=1, seed=1)
    assert max(sample.latencies[Outcome.ANSWERED]) > 500, (
        "one caller of 50 ms a call falls behind 100 calls a second"
    )


def test_merged_rounds_hold_all_latencies_and_all_seconds() -> None:
    whole = merge([closed(Protocol().connect, 1, 0.05), closed(Protocol().connect, 1, 0.05)])
    assert whole.seconds >= 0.1
    assert whole.throughput == pytest.approx(len(whole.latencies[Outcome.ANSWERED]) / whole.seconds)


def test_percentiles_lie_within_their_intervals() -> None:
    points, intervals = percentiles([float(value) for value in range(1000)])
    assert points[0] == pytest.approx(499.5)
    assert all(
        least <= point <= most for point, (least, most) in zip(points, intervals, strict=True)
    )


@pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load (nghttp2-client) is absent")
def test_bench_serving_a_moment_of_everything(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.serving",
        "--seconds",
        "1",
        "--rounds",
        "1",
        "--soak",
        "0.05",
        "--results",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = ServingResult.model_validate_json((tmp_path / RESULTS_FILE).read_bytes())
    assert {(s.server, s.protocol) for s in seen.scenarios} >= {
        ("embedded", "grpc"),
        ("embedded", "rest"),
        ("embedded, joining none", "rest"),
        ("none", "in-process"),
    }
    assert sum(s.errors for s in seen.scenarios) == 0
    assert all(s.answers > 0 for s in seen.scenarios if s.request == "image")
    assert (tmp_path / "plots" / "serving.png").is_file()
    assert (tmp_path / "serving.md").read_text().startswith("# How fast")


REPORT = """
requests: 12 total, 12 started, 10 done, 10 succeeded, 0 failed, 0 errored, 0 timeout
traffic: 2.00KB (2048) total, 20B (20) headers (space savings 90.00%), {} data
"""


def test_load_of_refused_calls_is_not_taken_for_speed() -> None:
    check_report(REPORT.format("1.5KB (1560)"), 156)
    with pytest.raises(SystemExit, match="expected 10 answers of 156 bytes; received 1559"):
        check_report(REPORT.format("1.5KB (1559)"), 156)


def test_recorded_speed_of_serving_has_its_layout_and_no_failed_call() -> None:
    recorded = ServingResult.model_validate_json((RESULTS / RESULTS_FILE).read_bytes())
    assert recorded.command.startswith("python -m benchmarks.serving")
    assert sum(s.errors for s in recorded.scenarios) == 0


def test_plot_of_the_speed_gives_a_colour_one_meaning_and_hides_no_data() -> None:
    recorded = ServingResult.model_validate_json((RESULTS / RESULTS_FILE).read_bytes())
    figure = plot(recorded.scenarios)
    figure.draw_without_rendering()
    lines = [line for axes in figure.axes for line in axes.get_lines()]
    drawn = {(line.get_label(), line.get_color(), line.get_linestyle()) for line in lines}
    assert len(lines) > len(drawn) == len({label for label, _, _ in drawn})
    assert len({(colour, style) for _, colour, style in drawn}) == len(drawn)
    (legend,) = figure.legends
    outside = legend.get_window_extent()
    assert not any(outside.overlaps(axes.get_window_extent()) for axes in figure.axes)
    assert not any(axes.get_legend() for axes in figure.axes)
