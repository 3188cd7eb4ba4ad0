"""The servers that the embedded one is measured beside: the parts that need no environment of their
own."""

from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from benchmarks.peers.__main__ import Peer, check_answers
from benchmarks.peers.report import Measured, write
from benchmarks.serving.load import Outcome, Sample
from tests.e2e.test_released_model import newest


class Answers(Peer):
    """A peer that answers what it is told."""

    def __init__(self, name: str, digit: int, probability: float) -> None:
        super().__init__(name, "http://nowhere", {})
        self._answer = {"digit": digit, "probabilities": [probability, 1 - probability]}

    def answer(self) -> Any:
        return self._answer


@pytest.mark.parametrize(("digit", "probability"), [(4, 0.9), (3, 0.8)])
def test_peer_that_answers_otherwise_is_not_measured(digit: int, probability: float) -> None:
    ours = Answers("embedded", 3, 0.9)
    check_answers([ours, Answers("same", 3, 0.9)])
    with pytest.raises(SystemExit, match="expected of other the answer"):
        check_answers([ours, Answers("other", digit, probability)])


def test_peer_report_gives_shares_of_the_embedded_server_by_round() -> None:
    def taken(*rounds: int) -> Measured:
        samples = [Sample(1.0) for _ in rounds]
        for sample, answers in zip(samples, rounds, strict=True):
            sample.latencies[Outcome.ANSWERED] = [2.0] * answers
        whole = Sample(float(len(rounds)))
        whole.latencies[Outcome.ANSWERED] = [2.0] * sum(rounds)
        return Measured.of({8: (whole, samples)})

    text = write({"embedded": taken(100, 200, 100), "other": taken(50, 50, 100)}, 7)
    (row,) = [line for line in text.splitlines() if line.startswith("| other")]
    assert [cell.strip() for cell in row.split("|")[2:-1]] == [
        *("8", "67", "2.0", "2.0", "0"),
        "0.50 (0.25–1.00)",
    ]


def test_peer_fastapi_answers_as_the_saved_model_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAVED_MODEL", str(newest()))
    from benchmarks.peers.fastapi_app import app  # noqa: PLC0415 - it loads the model

    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 4:24, 13:15] = 255
    reply = TestClient(app).post("/predict", json={"instances": images.tolist()})
    predictions = reply.raise_for_status().json()["predictions"]
    assert [prediction["digit"] for prediction in predictions] == [1, predictions[1]["digit"]]
    assert np.sum(predictions[0]["probabilities"]) == pytest.approx(1, abs=1e-5)
