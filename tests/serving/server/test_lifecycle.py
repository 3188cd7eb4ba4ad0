"""The real program in a process of its own: start, stop under load, a taken port."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2
from tensorflow_serving.apis import predict_pb2

from serving.server.models.config import ModelSource
from serving.server.models.registry import Models
from serving.server.models.version import LoadedVersion
from serving.server.models.watcher import Watcher
from tests.support.server_fixtures import Protocols, StartServer, ask, fault_of, wait_until_ready

START_SECONDS = 60
MONITORING = Path(__file__).parents[3] / "serving" / "tensorflow_serving" / "monitoring.config"


@pytest.fixture
def open_protocols(ports: tuple[int, int]) -> Iterator[Callable[[], Protocols]]:
    """Open both protocols of the server on `ports`; they are closed after the test."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(Protocols(*ports)))


def slow_call(seconds: float) -> predict_pb2.PredictRequest:
    return ask({"seconds": np.array([seconds], np.float32)}, signature="slow")


def test_sigterm_lets_calls_in_flight_end_and_exits_0(
    start_program: Callable[..., Any],
    open_protocols: Callable[[], Protocols],
    ports: tuple[int, int],
) -> None:
    program = start_program(ports)
    lines = wait_until_ready(program)
    assert any("model digits: version 1 is available" in line for line in lines)
    assert len(lines) == 2, f"one line a version and one when ready: {lines}"
    protocols, newcomer = open_protocols(), open_protocols()
    answers: list[Any] = []
    over_grpc = threading.Thread(
        target=lambda: answers.append(
            protocols.predict(slow_call(2.5)).outputs["digit"].int64_val[0]
        )
    )
    over_rest = threading.Thread(
        target=lambda: answers.append(
            protocols.post({"signature_name": "slow", "instances": [2.5]}).json()
        )
    )
    protocols.predict(slow_call(0))
    over_grpc.start()
    over_rest.start()
    time.sleep(1)
    began = time.monotonic()
    program.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    code, _ = fault_of(
        lambda: newcomer.channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict", bytes, bytes
        )(b"", timeout=2)
    )
    assert code == grpc.StatusCode.UNAVAILABLE
    over_grpc.join()
    over_rest.join()
    assert sorted(answers, key=str) == [3, {"predictions": [3]}]
    assert program.wait(10) == 0
    assert time.monotonic() - began < 10


def test_sigterm_with_a_hundred_calls_in_flight_answers_them_all(
    start_program: Callable[..., subprocess.Popen[str]],
    open_protocols: Callable[[], Protocols],
    ports: tuple[int, int],
    tmp_path: Path,
) -> None:
    program = start_program(
        ports,
        "--max_running_calls=128",
        "--drain_seconds=60",
        f"--monitoring_config_file={MONITORING}",
    )
    wait_until_ready(program)
    protocols = open_protocols()
    protocols.predict(slow_call(0))
    watch = protocols.channel.unary_stream(
        "/grpc.health.v1.Health/Watch",
        health_pb2.HealthCheckRequest.SerializeToString,
        health_pb2.HealthCheckResponse.FromString,
    )
    told = watch(health_pb2.HealthCheckRequest(service="digits"), timeout=START_SECONDS)
    assert next(told).status == health_pb2.HealthCheckResponse.SERVING
    predict = protocols.channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict",
        predict_pb2.PredictRequest.SerializeToString,
        bytes,
    )
    end = tmp_path / "end"
    held = ask({"until": np.array([str(end)], object)}, signature="held")
    pending = [predict.future(held, timeout=2 * START_SECONDS) for _ in range(100)]
    until = time.monotonic() + START_SECONDS
    while (
        'inkwell_calls_in_flight{entrypoint="GRPC"} 100.0'
        not in protocols.rest.get("/monitoring/prometheus/metrics").text
    ):
        assert time.monotonic() < until
        time.sleep(0.05)
    program.send_signal(signal.SIGTERM)
    assert next(told).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert not any(call.done() for call in pending), "told before the calls end"
    end.touch()
    told.cancel()  # a stream that watches is a call in flight too
    assert all(
        predict_pb2.PredictResponse.FromString(call.result()).outputs["digit"].int64_val == [3]
        for call in pending
    )
    assert program.wait(START_SECONDS) == 0


def test_second_signal_exits_at_once(
    start_program: Callable[..., Any],
    open_protocols: Callable[[], Protocols],
    ports: tuple[int, int],
) -> None:
    program = start_program(ports)
    wait_until_ready(program)
    protocols = open_protocols()
    call = protocols.channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict",
        predict_pb2.PredictRequest.SerializeToString,
        bytes,
    )
    pending = call.future(slow_call(8), timeout=20, wait_for_ready=True)
    time.sleep(1)
    program.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert program.poll() is None, "the first signal waits for the call"
    program.send_signal(signal.SIGINT)
    assert program.wait(2) == 130
    assert pending.exception() is not None


def test_taken_port_ends_the_program_with_a_clear_error(
    toy_base: Path, ports: tuple[int, int], start_server: StartServer
) -> None:
    start_server(model_base_path=toy_base, port=ports[0], rest_api_port=ports[1])
    command = [
        sys.executable,
        "-m",
        "serving.server",
        f"--model_base_path={toy_base}",
        f"--port={ports[0]}",
        "--rest_api_port=0",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=START_SECONDS, check=False
    )
    assert done.returncode == 1
    assert f"expected a free port for gRPC; received 127.0.0.1:{ports[0]}" in done.stderr
    assert "Traceback" not in done.stderr


def test_taken_rest_port_is_refused(
    toy_base: Path, ports: tuple[int, int], start_server: StartServer
) -> None:
    start_server(model_base_path=toy_base, rest_api_port=ports[1])
    with pytest.raises(
        OSError, match=f"expected a free port for REST; received 127.0.0.1:{ports[1]}"
    ):
        start_server(model_base_path=toy_base, rest_api_port=ports[1])


def test_calls_beyond_a_full_batch_queue_are_refused_while_the_batches_run(
    start_program: Callable[..., subprocess.Popen[str]],
    open_protocols: Callable[[], Protocols],
    ports: tuple[int, int],
    tmp_path: Path,
) -> None:
    cores = os.cpu_count() or 1
    parameters = tmp_path / "batching.config"
    parameters.write_text(
        f"max_batch_size {{ value: 1 }} num_batch_threads {{ value: {cores} }} "
        f"max_enqueued_batches {{ value: 1 }}"
    )
    program = start_program(
        ports, "--enable_batching=true", f"--batching_parameters_file={parameters}"
    )
    wait_until_ready(program)
    protocols = open_protocols()
    protocols.predict(slow_call(0))
    with ThreadPoolExecutor(cores + 4) as threads:
        taken = []
        for _ in range(cores):
            taken.append(threads.submit(protocols.predict, slow_call(6)))
            time.sleep(0.5)  # a batch thread has it by now
        beyond = [threads.submit(protocols.predict, slow_call(0)) for _ in range(4)]
        refused, _ = wait(beyond, timeout=2)
        assert not any(call.done() for call in taken), "refused while they run, not after"
    assert len(refused) == 3, "one may wait"
    for call in refused:
        code, text = fault_of(call.result)
        assert code == grpc.StatusCode.UNAVAILABLE
        assert "The batch scheduling queue to which this task was submitted is full" in text, (
            "TensorFlow Serving's words"
        )


def serve(tmp_path: Path, methods: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Serve in a process of its own with a server that only has these methods, until it ends."""
    chosen = {"model_name": "m", "model_base_path": "/m"} | settings
    program = f"""
import os, signal, threading, time
from serving.server import server
from serving.server.settings import ServerSettings

def tell_another_thread():
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    threading.Event().wait()

class Standing:
    def __init__(self, settings): pass
    def load(self): pass
    def start(self): os.kill(os.getpid(), signal.SIGTERM)
    def drain(self, seconds): print("drained", flush=True)
{textwrap.indent(textwrap.dedent(methods), "    ")}
server.Server, server._GRACE = Standing, 0.5
server.serve(ServerSettings(**{chosen!r}))
"""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_draining_that_hangs_ends_anyway_and_says_where(tmp_path: Path) -> None:
    hanging = "def drain(self, seconds): threading.Event().wait()"
    done = serve(tmp_path, hanging, drain_seconds=0.1)
    assert done.returncode == 1
    assert "in drain" in done.stderr


def test_draining_that_fails_is_logged_and_ends_with_1(tmp_path: Path) -> None:
    done = serve(tmp_path, 'def drain(self, seconds): raise RuntimeError("the drain broke")')
    assert done.returncode == 1 and "the drain broke" in done.stderr


def test_signal_while_a_store_hangs_at_the_start_ends_the_server(tmp_path: Path) -> None:
    loading = """
        def load(self):
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
            os.mkfifo("pipe")
            open("pipe").read()
    """
    done = serve(tmp_path, loading)
    assert done.returncode == 0, done.stderr
    assert "told to end while starting" in done.stderr


def test_signal_that_the_system_gives_to_another_thread_ends_the_server(tmp_path: Path) -> None:
    starting = """
        def start(self): threading.Timer(0.5, tell_another_thread).start()
    """
    done = serve(tmp_path, starting)
    assert (done.returncode, done.stdout) == (0, "drained\n"), done.stderr


def test_second_signal_that_another_thread_gets_ends_a_server_that_drains(tmp_path: Path) -> None:
    draining = """
        def drain(self, seconds):
            threading.Timer(0.5, tell_another_thread).start()  # once this one waits
            threading.Event().wait()
    """
    done = serve(tmp_path, draining, drain_seconds=200)
    assert done.returncode == 130, done.stderr


def test_store_that_hangs_is_reported_while_loaded_versions_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answered = threading.Event()

    def load(model: str, number: int, folder: Path) -> LoadedVersion:
        if folder.name == "2":
            assert answered.wait(60)  # storage that does not answer
        return LoadedVersion(model, number, {}, {}, {}, None)

    models = Models(["m"])
    watcher = Watcher([ModelSource("m", tmp_path)], models, load, slow_seconds=0.2)
    (tmp_path / "1").mkdir()
    watcher.look()
    (tmp_path / "2").mkdir()
    look = threading.Thread(target=watcher.look)
    look.start()
    until = time.monotonic() + 30
    while "see whether its storage answers" not in caplog.text:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert models.available("m") == {1}
    answered.set()
    look.join()
    assert models.available("m") == {2}
