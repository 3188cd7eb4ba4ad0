"""`inkwell load`: calls at a fixed rate, against doubles and against the embedded server."""

import threading
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from serving.client import UnavailableError
from serving.client.load import OK, Call, Load, call_at_rate, main, report
from tests.support.client_doubles import Play, Stage, grpc_double
from tests.support.ports import free_port
from tests.support.released_server import serve_released
from tests.support.server_fixtures import SECONDS


def test_calls_are_begun_at_the_rate_though_earlier_ones_have_not_ended() -> None:
    began = list[float]()
    all_begun = threading.Barrier(3)

    def waits_for_the_others() -> None:
        began.append(time.monotonic())
        all_begun.wait(SECONDS)

    load = call_at_rate(waits_for_the_others, rate=2, seconds=1.9, stop=threading.Event())
    assert (len(load.calls), load.planned) == (3, 3)
    assert max(began) - min(began) > 0.9  # the last is due after 1 s, and lost after 1.9 s


def test_latency_counts_from_when_a_call_was_due_and_late_calls_are_not_begun() -> None:
    turn = threading.Lock()

    def one_at_a_time() -> None:
        with turn:
            time.sleep(0.1)

    load = call_at_rate(one_at_a_time, rate=200, seconds=0.6, stop=threading.Event())
    assert 64 <= len(load.calls) < load.planned == 120
    assert max(call.seconds for call in load.calls) > 1
    assert f"not begun: {load.planned - len(load.calls)}; " in report(load, 200)


def test_failures_are_counted_by_kind_and_not_repeated() -> None:
    asked = iter(range(100))

    def third_fails() -> None:
        if next(asked) % 3 == 0:
            raise UnavailableError("expected a server; received none; start it")

    load = call_at_rate(third_fails, rate=300, seconds=0.1, stop=threading.Event())
    begun = next(asked)  # a busy machine begins fewer than 30
    failed = -(-begun // 3)
    assert begun > 1
    assert Counter(call.outcome for call in load.calls) == {
        OK: begun - failed,
        "Unavailable": failed,
    }


def test_report_has_rate_percentiles_counts_and_the_first_text() -> None:
    calls = [Call(OK, ms / 1000) for ms in range(1, 101)] + [Call("Unavailable", 1.0, "no server")]
    p90, p99 = np.percentile(range(1, 101), (90, 99))
    assert report(Load(calls, 101, 4.0), 30).splitlines() == [
        "101 calls in 4.0 s: 25.0 answers per second; 30 calls per second were asked for",
        f"latency: p50 50.5 ms, p90 {p90:.1f} ms, p99 {p99:.1f} ms, p100 100.0 ms",
        "ok: 100",
        "Unavailable: 1",
        "first Unavailable: no server",
    ]


def test_no_server_fails_every_call(capsys: pytest.CaptureFixture[str]) -> None:
    code = main([f"grpc://127.0.0.1:{free_port()}", "--rate=20", "--seconds=0.2", "--deadline=2"])
    assert code == 1
    assert "0.0 answers per second" in (said := capsys.readouterr().out)
    assert "ok" not in said and "Unavailable: 4" in said


def test_one_failure_among_good_answers_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage()
    stage.play = Play(faults=[("UNAVAILABLE", "away")])
    with grpc_double(stage) as address:
        assert main([address, "--rate=20", "--seconds=0.5"]) == 1
    assert "ok: 9\nUnavailable: 1\n" in capsys.readouterr().out


@pytest.fixture(scope="module")
def released() -> Iterator[tuple[int, int]]:
    """gRPC and REST port of the embedded server with the released model."""
    with serve_released() as ports:
        yield ports


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_server_that_answers_every_call_is_exit_code_0(
    protocol: str, released: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    port = released[protocol == "rest"]
    arguments = [f"{protocol}://127.0.0.1:{port}", "--rate=20", "--seconds=2", "--deadline=60"]
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("40 calls in ") and lines[2:] == ["ok: 40"]
    assert main([*arguments, "--model=nobody"]) == 1
    assert "NotFound: 40\n" in capsys.readouterr().out
