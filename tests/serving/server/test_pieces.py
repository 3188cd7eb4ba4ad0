"""Large calls: computed in pieces while the caller waits, within budgets of pixels and bytes."""

import ctypes
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import psutil
import pytest
from tensorflow.core.framework import types_pb2

from serving.server.errors import (
    CancelledError,
    DeadlineError,
    InvalidArgumentError,
    OverloadedError,
)
from serving.server.inference.admission import Admission, ByteBudget, LargeCalls, Share
from serving.server.inference.memory import Reclaimer
from serving.server.inference.pieces import PIECE_ITEMS, FairLock, Pieces, compute
from serving.server.inference.pixels import count_pixels
from serving.server.models.deadline import Deadline
from serving.server.models.dtypes import BY_NUMBER, DType
from serving.server.models.signature import ServedSignature, TensorSpec
from serving.server.models.version import LoadedVersion
from tests.support.server_fixtures import SECONDS, StartServer, ask, fault_of

FLOAT, STRING = BY_NUMBER[types_pb2.DT_FLOAT], BY_NUMBER[types_pb2.DT_STRING]
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\x00\x04AB\xff\xc0\x00\x11\x08"
BLOCK = 60_000
Array = np.ndarray[Any, Any]


def spec(name: str, shape: tuple[int | None, ...], dtype: DType = FLOAT) -> TensorSpec:
    return TensorSpec(name, dtype, shape)


DOUBLE = ServedSignature("double", {"x": spec("x", (None,))}, {"y": spec("y", (None,))})
PICTURES = ServedSignature("pictures", {"x": spec("x", (None,), STRING)}, {"y": spec("y", (None,))})
TOTAL = ServedSignature("total", {"x": spec("x", (None,))}, {"y": spec("y", ())})


def version(function: Callable[[Array], Array]) -> tuple[LoadedVersion, list[int]]:
    """A version that computes one function under every signature, and the sizes it was given."""
    sizes: list[int] = []

    def computed(arrays: Sequence[Array]) -> list[Array]:
        sizes.append(len(arrays[0]))
        return [function(arrays[0])]

    functions = {each.name: computed for each in (DOUBLE, PICTURES, TOTAL)}
    return LoadedVersion("m", 1, {}, {}, functions, None), sizes


def test_large_call_is_computed_in_pieces_and_answered_whole() -> None:
    loaded, sizes = version(lambda x: 2 * x)
    x = np.arange(150, dtype=np.float32)
    answer = compute(
        loaded, DOUBLE, {"x": x}, ["y"], deadline=Deadline(), pieces=Pieces(1, items=64)
    )
    assert answer["y"].tolist() == (2 * x).tolist()
    assert sizes == [64, 64, 22]


@pytest.mark.parametrize("count", [0, 1, 64])
def test_call_of_one_piece_is_computed_at_once(count: int) -> None:
    loaded, sizes = version(lambda x: x)
    x = np.zeros(count, np.float32)
    compute(loaded, DOUBLE, {"x": x}, ["y"], deadline=Deadline(), pieces=Pieces(1, items=64))
    assert sizes == [count]


def test_a_thousand_sizes_of_calls_are_few_sizes_for_the_model() -> None:
    """TensorFlow keeps memory for each size that it has computed."""
    loaded, sizes = version(lambda x: x)
    pieces = Pieces(1)
    for count in range(1, 1001):
        x = np.zeros(count, np.float32)
        compute(loaded, DOUBLE, {"x": x}, ["y"], deadline=Deadline(), pieces=pieces)
    assert set(sizes) <= set(range(1, PIECE_ITEMS + 1))


def test_call_whose_outputs_have_no_items_is_computed_whole() -> None:
    loaded, sizes = version(lambda x: x.sum())
    x = np.ones(150, np.float32)
    answer = compute(
        loaded, TOTAL, {"x": x}, ["y"], deadline=Deadline(), pieces=Pieces(1, items=64)
    )
    assert answer["y"] == 150
    assert sizes == [150]


def test_large_pictures_are_few_in_a_piece() -> None:
    loaded, sizes = version(lambda x: np.zeros(len(x), np.float32))
    x = np.array([png(100, 100)] * 5 + [png(10, 10)] * 5, dtype=object)
    pieces = Pieces(1_000_000, items=64, pixels=20_000)
    compute(loaded, PICTURES, {"x": x}, ["y"], deadline=Deadline(), pieces=pieces)
    assert sizes == [2, 2, 6]


def test_too_many_pixels_are_refused_before_any_is_decoded() -> None:
    loaded, sizes = version(lambda x: x)
    x = np.array([png(1000, 1000)] * 3, dtype=object)
    with pytest.raises(InvalidArgumentError, match="at most 2000000 pixels in a call; received 30"):
        compute(loaded, PICTURES, {"x": x}, ["y"], deadline=Deadline(), pieces=Pieces(2_000_000))
    assert sizes == []


def png(width: int, height: int) -> bytes:
    return PNG + width.to_bytes(4, "big") + height.to_bytes(4, "big")


@pytest.mark.parametrize(
    ("content", "pixels"),
    [
        (b"", 0),
        (b"hello", 0),
        (png(300, 200), 60_000),
        (b"\n\x0eimage/encoded" + png(300, 200), 60_000),
        (png(1, 1) + png(300, 200), 60_000),
        (png(1 << 31, 1 << 31), 4_000_000),
        (20 * PNG, 4_000_000),
        (JPEG + b"\x00\xc8\x01\x2c", 60_000),
        (b"\xff\xd8\xff\xff\xff\xff" + bytes(20), 4_000_000),
        (b"\xff\xd8" + 100 * b"\xff\xfe\x00\x02" + bytes(9), 4_000_000),
    ],
)
def test_pixels_are_known_from_the_header(content: bytes, pixels: int) -> None:
    assert count_pixels(content) == pixels


def test_caller_who_goes_is_not_computed_for_any_longer() -> None:
    listening = [True]

    def hang_up(x: Array) -> Array:
        listening[0] = False
        return x

    loaded, sizes = version(hang_up)
    x = np.zeros(1000, np.float32)
    deadline = Deadline(is_active=lambda: listening[0])
    for _ in range(2):
        with pytest.raises(CancelledError):
            compute(loaded, DOUBLE, {"x": x}, ["y"], deadline=deadline, pieces=Pieces(1))
    assert sizes == [64]


def test_deadline_ends_a_large_call_between_pieces() -> None:
    def slow(x: Array) -> Array:
        time.sleep(0.1)
        return x

    loaded, sizes = version(slow)
    x = np.zeros(6400, np.float32)
    with pytest.raises(DeadlineError):
        compute(
            loaded,
            DOUBLE,
            {"x": x},
            ["y"],
            deadline=Deadline(time.monotonic() + 0.25),
            pieces=Pieces(1),
        )
    assert 1 <= len(sizes) <= 4


@pytest.mark.parametrize("count", [17, 1000])
def test_large_call_beyond_the_bound_is_refused_and_a_small_one_is_not(count: int) -> None:
    pieces = Pieces(1, LargeCalls(1))
    loaded, _ = version(lambda x: x)

    def call(count: int) -> int:
        x = np.zeros(count, np.float32)
        answer = compute(loaded, DOUBLE, {"x": x}, ["y"], deadline=Deadline(), pieces=pieces)
        return len(answer["y"])

    with pieces.large_calls.admit(is_small=False):
        with pytest.raises(OverloadedError, match="already has 1 calls of more than 16 items"):
            call(count)
        assert call(16) == 16
    assert call(count) == count


def test_one_picture_of_many_pixels_is_a_large_call() -> None:
    x = {"x": np.array([png(1001, 1000)], dtype=object)}
    assert not Pieces(1_001_000).cut(PICTURES, x, ["y"]).is_small
    x = {"x": np.array([png(1000, 1000)], dtype=object)}
    assert Pieces(1_001_000).cut(PICTURES, x, ["y"]).is_small


def test_turns_go_round_in_the_order_of_asking() -> None:
    turns, order = FairLock(), []

    def take(name: str) -> None:
        for _ in range(3):
            with turns.take(SECONDS):
                order.append(name)
                time.sleep(0.02)

    callers = [threading.Thread(target=take, args=(name,)) for name in "ab"]
    with turns.take(1):
        for caller in callers:
            caller.start()
            time.sleep(0.02)
    for caller in callers:
        caller.join()
    assert order == list("ababab")


def test_turn_that_nobody_waits_for_any_more_is_passed_on() -> None:
    turns = FairLock()
    with turns.take(1), pytest.raises(DeadlineError), turns.take(0.01):
        pass
    with turns.take(0):
        pass


def test_bytes_beyond_the_budget_are_refused_and_given_back() -> None:
    admission = Admission(running=4, queued=0, max_bytes=100)
    with admission.admit(1, 60), pytest.raises(OverloadedError), admission.admit(1, 60):
        pass
    with admission.admit(1, 60):
        pass


def test_call_larger_than_the_budget_is_taken_when_alone() -> None:
    budget = ByteBudget(100)
    first, second = Share(budget), Share(budget)
    for _ in range(3):
        first.add(60)
    with pytest.raises(OverloadedError, match="holds 180 bytes for other calls and may hold 100"):
        second.add(1)
    first.release()
    second.add(1)


def test_bytes_of_all_callers_are_bounded_over_both_protocols(
    toy_base: Path, start_server: StartServer
) -> None:
    protocols = start_server(model_base_path=toy_base, max_bytes_in_flight=1 << 20)
    slow = ask({"seconds": np.array([2.0], np.float32)}, signature="slow")
    large = ask({"images": np.zeros((1000, 28, 28), np.uint8)})
    image = {"images": np.zeros((1, 28, 28), np.uint8)}
    body = {"instances": np.zeros((100, 28, 28), np.uint8).tolist()}
    running = threading.Thread(target=protocols.predict, args=(slow,))
    running.start()
    time.sleep(0.5)
    assert fault_of(lambda: protocols.predict(large))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert protocols.post(body).status_code == 429
    assert protocols.predict(ask(image)).outputs["digit"].int64_val[0] == 3
    running.join()
    assert len(protocols.predict(large).outputs["digit"].int64_val) == 1000
    assert protocols.post(body).status_code == 200


def test_rest_caller_who_hangs_up_while_waiting_is_not_computed_for(
    toy_base: Path, start_server: StartServer
) -> None:
    protocols = start_server(model_base_path=toy_base, max_running_calls=1, max_batch_size=1)
    slow = {"signature_name": "slow", "instances": [1.0]}
    protocols.post(slow)
    waiting = [
        threading.Thread(target=give_up, args=(protocols.rest.base_url.port, slow))
        for _ in range(10)
    ]
    for one in waiting:
        one.start()
    for one in waiting:
        one.join()
    began = time.monotonic()
    assert protocols.post(slow).status_code == 200
    assert time.monotonic() - began < 5


def give_up(port: int | None, body: object) -> None:
    with httpx.Client(timeout=0.3) as client, pytest.raises(httpx.ReadTimeout):
        client.post(f"http://127.0.0.1:{port}/v1/models/digits:predict", json=body)


def test_memory_that_was_freed_goes_back_to_the_machine() -> None:
    """Blocks below the size that glibc maps apart, with one at the end that keeps them."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    blocks = [libc.malloc(BLOCK) for _ in range(2000)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK)
    for block in blocks[:-1]:
        libc.free(block)
    held = psutil.Process().memory_info().rss
    Reclaimer(delay=0.01).request()
    until = time.monotonic() + SECONDS
    while psutil.Process().memory_info().rss > held - 1000 * BLOCK:
        assert time.monotonic() < until
        time.sleep(0.01)
    libc.free(blocks[-1])
