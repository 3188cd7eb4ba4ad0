"""More calls than the server takes: refused at once, through both protocols, and the running ones
go on."""

import threading
import time
from pathlib import Path

import grpc
import numpy as np
import pytest

from serving.server.errors import DeadlineError, OverloadedError
from serving.server.inference.admission import Admission
from tests.support.server_fixtures import StartServer, ask, fault_of


def test_call_too_many_is_refused_at_once_through_both_protocols(
    toy_base: Path, start_server: StartServer
) -> None:
    protocols = start_server(model_base_path=toy_base, max_running_calls=1, max_queued_calls=0)
    slow = ask({"seconds": np.array([2.0], np.float32)}, signature="slow")
    running = threading.Thread(target=protocols.predict, args=(slow,))
    image = {"images": np.zeros((1, 28, 28), np.uint8)}
    protocols.predict(ask(image))
    running.start()
    time.sleep(0.5)
    code, text = fault_of(lambda: protocols.predict(ask(image)))
    answer = protocols.post({"instances": image["images"].tolist()})
    assert running.is_alive(), "refused while the other call still runs, not after it"
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "already has 1 calls in progress or waiting" in text
    assert answer.status_code == 429
    assert protocols.states()[1] == ("AVAILABLE", ""), "status answers all the same"
    running.join()
    assert protocols.predict(ask(image)).outputs["digit"].int64_val[0] == 3


def test_admission_lets_the_next_in_when_one_leaves() -> None:
    admission = Admission(running=1, queued=1)
    for _ in range(3):
        with admission.admit(1):
            pass


def test_admission_full_refuses_and_forgets_the_refused() -> None:
    admission = Admission(running=1, queued=0)
    with admission.admit(1), pytest.raises(OverloadedError), admission.admit(1):
        pass
    with admission.admit(1):
        pass


@pytest.mark.parametrize("seconds", [0.05, 0.0], ids=["waits_in_vain", "no_time_left"])
def test_admission_gives_up_when_the_callers_time_is_over(seconds: float) -> None:
    admission = Admission(running=1, queued=1)
    with admission.admit(1), pytest.raises(DeadlineError), admission.admit(seconds):
        pass


def test_admission_waits_without_end_for_a_call_without_deadline() -> None:
    with Admission(running=1, queued=0).admit(float("inf")):
        pass
