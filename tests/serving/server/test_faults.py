"""Callers that dawdle, die, flood or give up, a server that is killed or stopped: the others do not
notice, and nothing leaks."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from tensorflow_serving.apis import predict_pb2

from serving.client import ClientError, DeadlineExceededError, UnavailableError, connect
from tests.support.http2 import (
    CALL,
    CONTINUATION,
    HEADERS,
    PING,
    PREFACE,
    SETTINGS,
    begun_and_reset,
    frame,
    header_block,
)
from tests.support.ports import free_port
from tests.support.server_fixtures import (
    BLANK,
    SECONDS,
    Protocols,
    StartServer,
    ask,
    start_protocols,
    wait_until_ready,
)

ASK = ask({"images": BLANK})
BODY = {"instances": BLANK.tolist()}
HEAD = b"POST /v1/models/digits:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
RECEIVE_SECONDS = 1.0
"""Seconds that the server under test waits for a head, and for a body."""


@pytest.fixture(scope="module")
def protocols(toy_base: Path) -> Iterator[Protocols]:
    small = {
        "rest_receive_seconds": RECEIVE_SECONDS,
        "grpc_max_threads": 8,
        "rest_api_num_threads": 4,
    }
    with start_protocols(
        model_base_path=toy_base, port=free_port(), rest_api_port=free_port(), **small
    ) as protocols:
        protocols.predict(ASK)
        yield protocols


@contextmanager
def connections(
    protocols: Protocols, count: int, first: bytes = b""
) -> Iterator[list[socket.socket]]:
    """Sockets to the REST protocol that have sent so much and stay open."""
    address = (protocols.rest.base_url.host, protocols.rest.base_url.port or 80)
    with ExitStack() as opened:
        sockets = [
            opened.enter_context(socket.create_connection(address, timeout=SECONDS))
            for _ in range(count)
        ]
        for one in sockets:
            one.sendall(first)
        yield sockets


def ended(one: socket.socket) -> bytes:
    """All that the server says until it closes; raises if it does not close."""
    parts = []
    try:
        while part := one.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def answers_both(protocols: Protocols) -> bool:
    over_grpc, over_rest = (
        protocols.predict(ASK).outputs["digit"].int64_val,
        protocols.post(BODY).json()["predictions"],
    )
    return bool(over_grpc == [3] and over_rest[0]["digit"] == 3)


@pytest.mark.parametrize(
    "first", [b"", b"PO", HEAD], ids=["silent", "half a word", "head without an end"]
)
def test_connections_that_never_finish_a_head_are_closed_and_others_are_answered(
    protocols: Protocols, first: bytes
) -> None:
    with connections(protocols, 300, first) as sockets:
        assert answers_both(protocols)
        began = time.monotonic()
        assert {ended(one) for one in sockets} == {b""}
        assert time.monotonic() - began < RECEIVE_SECONDS + SECONDS / 2


def test_head_that_drips_is_closed_in_time(protocols: Protocols) -> None:
    with connections(protocols, 1) as [slow]:
        began = time.monotonic()
        with pytest.raises(OSError):
            for byte in HEAD * 100:
                slow.sendall(bytes([byte]))
                time.sleep(0.05)
        assert RECEIVE_SECONDS / 2 < time.monotonic() - began < RECEIVE_SECONDS + SECONDS / 2


def test_connection_between_two_requests_outlives_the_wait_for_a_head(
    protocols: Protocols,
) -> None:
    get = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    with connections(protocols, 1, get) as [idle]:
        for _ in range(2):
            answer = b""
            while not answer.endswith(b'{"live": true}'):
                part = idle.recv(65536)
                assert part, "closed"
                answer += part
            time.sleep(2 * RECEIVE_SECONDS)
            idle.sendall(get)


def test_connection_without_a_request_is_closed_after_the_seconds_that_were_set(
    toy_base: Path, start_server: StartServer
) -> None:
    protocols = start_server(model_base_path=toy_base, rest_keep_alive_seconds=1)
    with connections(protocols, 1, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") as [idle]:
        began = time.monotonic()
        assert ended(idle).endswith(b'{"live": true}')
        assert 0.5 < time.monotonic() - began < SECONDS / 2


def test_second_head_that_drips_is_closed_too(protocols: Protocols) -> None:
    with connections(protocols, 1, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") as [slow]:
        first = b""
        while not first.endswith(b'{"live": true}'):  # head and body may come one after the other
            first += slow.recv(65536)
        slow.sendall(b"GET /li")
        assert ended(slow) == b""


def test_body_that_never_ends_is_refused_in_words(protocols: Protocols) -> None:
    with connections(protocols, 50, HEAD + b"\r\n{") as sockets:
        assert answers_both(protocols)
        for one in sockets:
            answer = ended(one)
            assert answer.startswith(b"HTTP/1.1 504")
            assert b"Expected the whole body within 1 s; received a part; send it faster" in answer


def test_body_behind_another_request_that_never_ends_is_refused_in_words(
    protocols: Protocols,
) -> None:
    ahead = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    with connections(protocols, 1, ahead + HEAD + b"\r\n{") as [one]:
        answer = ended(one)
        assert b'{"live": true}' in answer
        assert b"HTTP/1.1 504" in answer


def test_slow_but_steady_caller_within_the_limits_is_answered(protocols: Protocols) -> None:
    with connections(protocols, 1) as [slow]:
        for part in (b"GET /livez HT", b"TP/1.1\r\nHost: x\r\nConnec", b"tion: close\r\n\r\n"):
            slow.sendall(part)
            time.sleep(RECEIVE_SECONDS / 5)
        assert ended(slow).endswith(b'{"live": true}')


def test_caller_that_never_reads_holds_nobody_up(protocols: Protocols) -> None:
    with connections(protocols, 20, b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 200):
        for _ in range(20):
            assert answers_both(protocols)


FLOODS = {
    "pings": PREFACE + 20_000 * frame(PING, 0, b"inkwell."),
    "settings": PREFACE + 20_000 * frame(SETTINGS, 0),
    "continuations": PREFACE
    + frame(HEADERS, 1, CALL)
    + 20_000 * frame(CONTINUATION, 1, header_block(a="b" * 16)),
    "noise": PREFACE + 100_000 * b"\xff",
    "HTTP/1": 1_000 * b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_flood_on_the_grpc_double_holds_nobody_up(toy_base: Path, flood: bytes) -> None:
    port = free_port()
    with (
        start_protocols(
            model_base_path=toy_base, port=port, rest_api_port=free_port()
        ) as protocols,
        ExitStack() as opened,
    ):
        for _ in range(5):
            one = opened.enter_context(
                socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
            )
            try:
                one.sendall(flood)
            except OSError:  # it hung up, as it may
                continue
        for _ in range(20):
            assert answers_both(protocols)


def test_calls_begun_and_reset_at_once_break_no_call_of_another_connection(
    toy_base: Path,
) -> None:
    """Rapid reset, CVE-2023-44487."""
    port = free_port()
    resets = PREFACE + begun_and_reset(range(1, 60_000, 2))
    with (
        start_protocols(
            model_base_path=toy_base, port=port, rest_api_port=free_port()
        ) as protocols,
        socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as attacker,
    ):
        assert answers_both(protocols)
        attack = threading.Thread(target=send_as_long_as_it_is_open, args=(attacker, resets))
        attack.start()
        for _ in range(30):
            assert answers_both(protocols)
        attack.join()
        assert answers_both(protocols)


def test_connection_that_never_reads_is_closed_in_the_middle_of_its_resets(toy_base: Path) -> None:
    """It cannot acknowledge the server's settings; gRPC by itself waits for that for a minute."""
    port = free_port()
    with (
        start_protocols(
            model_base_path=toy_base, port=port, rest_api_port=free_port()
        ) as protocols,
        socket.create_connection(("127.0.0.1", port), timeout=1.0) as attacker,
    ):
        with pytest.raises(ConnectionError):
            reset_for(attacker, seconds=30)
        assert answers_both(protocols)


def reset_for(one: socket.socket, seconds: float) -> None:
    """Begin and reset calls; whole frames, however little the server takes at a time."""
    until, content, first = time.monotonic() + seconds, PREFACE, 1
    while time.monotonic() < until:
        with suppress(TimeoutError):
            content = content[one.send(content) :]
        if not content:
            content = begun_and_reset(range(first, first + 200, 2))
            first += 200
            time.sleep(0.01)


def send_as_long_as_it_is_open(one: socket.socket, content: bytes) -> None:
    """The server may hang up on an attacker, or never read to the end."""
    with suppress(OSError):
        one.sendall(content)


def test_callers_that_give_up_leave_nothing_behind(
    protocols: Protocols, caplog: pytest.LogCaptureFixture
) -> None:
    call = protocols.channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict",
        predict_pb2.PredictRequest.SerializeToString,
        bytes,
    )
    slow = ask({"seconds": np.array([0.02], np.float32)}, signature="slow")

    def give_up() -> None:
        for _ in range(100):
            pending = [call.future(slow, timeout=SECONDS) for _ in range(5)]
            for one in pending:
                one.cancel()
        with connections(protocols, 100, HEAD + b"\r\n{"):
            pass
        assert answers_both(protocols)

    give_up()
    this = psutil.Process()
    before = this.num_fds(), this.num_threads()
    for _ in range(3):
        give_up()
    until = time.monotonic() + SECONDS
    while this.num_fds() > before[0] + 5 or this.num_threads() > before[1] + 5:
        assert time.monotonic() < until, (before, this.num_fds(), this.num_threads())
        time.sleep(0.05)
    assert "fault" not in caplog.text


def test_killed_server_that_comes_back_is_found_by_the_same_client(
    start_program: Callable[..., subprocess.Popen[str]], ports: tuple[int, int]
) -> None:
    program = start_program(ports)
    wait_until_ready(program)
    faults: list[ClientError] = []
    answered = threading.Event()
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            try:
                client.predict(BLANK)
                answered.set()
            except ClientError as error:
                faults.append(error)

    with connect(f"grpc://127.0.0.1:{ports[0]}", deadline=SECONDS) as client:
        callers = [threading.Thread(target=call) for _ in range(4)]
        for caller in callers:
            caller.start()
        assert answered.wait(SECONDS)
        program.kill()
        program.wait()
        again = start_program(ports)
        wait_until_ready(again)
        answered.clear()
        assert answered.wait(SECONDS)
        over.set()
        for caller in callers:
            caller.join()
    assert {type(fault) for fault in faults} <= {UnavailableError}


def test_stopped_server_costs_the_deadline_and_answers_when_it_goes_on(
    start_program: Callable[..., subprocess.Popen[str]], ports: tuple[int, int]
) -> None:
    program = start_program(ports)
    wait_until_ready(program)
    with (
        connect(f"grpc://127.0.0.1:{ports[0]}", deadline=SECONDS) as patient,
        connect(patient_address(ports), deadline=1.0) as client,
    ):
        client.predict(BLANK)
        os.kill(program.pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(DeadlineExceededError):
            client.predict(BLANK)
        assert 0.9 <= time.monotonic() - began <= SECONDS / 2
        waiting = threading.Thread(target=lambda: patient.predict(BLANK))
        waiting.start()
        time.sleep(0.5)
        os.kill(program.pid, signal.SIGCONT)
        waiting.join(SECONDS)
        assert not waiting.is_alive()
        assert client.predict(BLANK)[0].digit == 3


def patient_address(ports: tuple[int, int]) -> str:
    return f"grpc://127.0.0.1:{ports[0]}"


def test_wall_clock_decides_nothing() -> None:
    root = Path(__file__).parents[3]
    for package in ("serving/server", "serving/client", "ui"):
        for module in (root / package).rglob("*.py"):
            source = module.read_text(encoding="utf-8")
            assert "time.time(" not in source, module
            if "datetime.now(" in source:
                assert module.name in {"access_log.py", "app.py"}, f"{module}: told, never compared"
