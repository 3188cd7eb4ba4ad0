"""What becomes of a call's memory when it is over."""

import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.server.codecs import json_parser
from serving.server.rest import bodies
from tests.support.server_fixtures import SECONDS, StartServer

VALUES = 54_321
"""Items of a list that nothing else has."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    """References in a circle stay, so that the test sees them."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def is_there() -> bool:
    return any(type(thing) is list and len(thing) == VALUES for thing in gc.get_objects())


@pytest.mark.usefixtures("no_collector")
def test_refused_document_is_freed_without_the_collector(
    toy_base: Path, start_server: StartServer
) -> None:
    protocols = start_server(model_base_path=toy_base)
    answer = protocols.post({"instances": [0] * VALUES})
    assert (answer.status_code, "Expected at most" in answer.text) == (400, True)
    until = time.monotonic() + SECONDS
    while is_there() and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_there()


def test_large_documents_are_parsed_one_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    together, most, lock = 0, 0, threading.Lock()

    def parse(_: bytes) -> dict[str, int]:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        time.sleep(0.05)
        with lock:
            together -= 1
        return {}

    def read_at_once(size: int) -> int:
        nonlocal most
        most = 0
        threads = [
            threading.Thread(target=bodies.read_document, args=(bytes(size), lambda _: None))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return most

    monkeypatch.setattr(json_parser, "parse", parse)
    assert read_at_once(2 << 20) == 1
    assert read_at_once(1000) > 1
