"""What the client does, the same through both protocols."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from digits.contract import DRAWINGS, EXPLAIN, PREDICT, Problem, signatures
from serving.client import (
    DRAWINGS_PER_CALL,
    IMAGES_PER_CALL,
    Client,
    ClientError,
    ContractMismatchError,
    DeadlineExceededError,
    InvalidRequestError,
    NotFoundError,
    ServerFailedError,
    UnavailableError,
    VersionStatus,
    connect,
)
from tests.support.client_doubles import GARBAGE, VERSION, Play, Stage, grpc_double, rest_double

Array = np.ndarray[Any, Any]


def images_of(*digits: int) -> Array:
    """Images that the played model reads as these digits."""
    images = np.zeros((len(digits), 28, 28), np.uint8)
    images[:, 14, 14] = digits
    images[:, 0, 0] = 250
    return images


@pytest.fixture(params=[grpc_double, rest_double], ids=["grpc", "rest"], scope="module")
def protocol(request: pytest.FixtureRequest) -> Iterator[tuple[Stage, str]]:
    stage = Stage()
    with request.param(stage) as address:
        yield stage, address


@pytest.fixture
def play(protocol: tuple[Stage, str]) -> Play:
    protocol[0].play = Play()
    return protocol[0].play


@pytest.fixture
def server(protocol: tuple[Stage, str], play: Play) -> str:
    return protocol[1]


@pytest.fixture
def client(server: str) -> Iterator[Client]:
    with connect(server, deadline=30) as client:  # the machine may be busy
        yield client


def test_predict_three_images_are_read_in_order(client: Client) -> None:
    found = client.predict(images_of(3, 1, 4))
    assert [(prediction.digit, prediction.label) for prediction in found] == [
        (3, "3"),
        (1, "1"),
        (4, "4"),
    ]
    np.testing.assert_allclose(
        found[0].probabilities, np.where(np.arange(10) == 3, 0.91, 0.01), rtol=1e-6
    )
    assert found[0].probabilities.dtype == np.float32


def test_labels_of_another_set_are_asked_for_once_and_told(client: Client, play: Play) -> None:
    play.labels = ("zero", "één", *"cdefghij")
    [first] = client.predict(images_of(1))
    assert (first.digit, first.label, first.labels) == (1, "één", play.labels)
    asked, play.labels = play.labels, tuple("0123456789")
    assert client.read([b"1"])[0].label == "één"
    assert client.explain(images_of(0))[0].labels == asked
    assert play.calls == [PREDICT, DRAWINGS, EXPLAIN]


def test_labels_of_a_model_that_does_not_tell_are_digits(client: Client, play: Play) -> None:
    play.labels = ("a",)
    assert client.predict(images_of(3))[0].label == "3"


def test_predict_every_pixel_value_arrives_unchanged(client: Client) -> None:
    ramp = (np.arange(784) % 256).astype(np.uint8).reshape(1, 28, 28)
    assert client.predict(ramp)[0].digit == int(ramp.sum(dtype=np.int64)) % 10


def test_predict_view_with_strides_is_read_as_its_values(client: Client) -> None:
    every_second = images_of(1, 2, 3, 4)[::2]
    assert [found.digit for found in client.predict(every_second)] == [1, 3]


def test_explain_images_are_read_in_order_with_their_saliency(client: Client, play: Play) -> None:
    images = images_of(*range(9)).repeat(8, axis=0)
    found = client.explain(images)
    assert [explanation.digit for explanation in found] == [
        digit for digit in range(9) for _ in range(8)
    ]
    np.testing.assert_allclose(
        np.array([explanation.saliency for explanation in found]),
        images / np.float32(255),
        rtol=1e-6,
    )
    assert (play.calls, play.batches) == (
        [EXPLAIN] * 2,
        [DRAWINGS_PER_CALL, 72 - DRAWINGS_PER_CALL],
    )


def test_explain_without_saliency_breaks_the_contract(client: Client, play: Play) -> None:
    play.dropped = {"saliency"}
    with pytest.raises(ContractMismatchError, match="saliency"):
        client.explain(images_of(1))


def test_feature_maps_are_those_of_each_image_in_order(client: Client, play: Play) -> None:
    play.signatures = signatures(complete=True)
    assert client.has_feature_maps()
    images = images_of(*range(9)).repeat(8, axis=0)
    found = client.feature_maps(images)
    assert found.shape == (72, 3, 12, 28, 28)
    assert found.dtype == np.uint8
    assert (found == images[:, np.newaxis, np.newaxis]).all()
    assert play.batches == [DRAWINGS_PER_CALL, 72 - DRAWINGS_PER_CALL]


def test_version_without_feature_maps_says_so(client: Client) -> None:
    assert not client.has_feature_maps()
    with pytest.raises(InvalidRequestError, match="feature_maps"):
        client.feature_maps(images_of(1))


def test_feature_maps_of_another_shape_break_the_contract(client: Client, play: Play) -> None:
    play.signatures = signatures(complete=True)
    play.changed = {"maps": np.zeros((1, 3, 12, 14, 14), np.uint8)}
    with pytest.raises(ContractMismatchError, match="maps"):
        client.feature_maps(images_of(1))


def test_version_asked_for_is_asked_in_every_call(server: str, play: Play) -> None:
    play.versions = [(4, "AVAILABLE", ""), (VERSION, "AVAILABLE", "")]
    with connect(server, version=4, deadline=30) as client:
        client.predict(images_of(1))
        client.read([b"1"])
        client.status()
        client.check_contract()
    assert play.asked == [4] * 4


def test_version_that_is_not_there_is_not_found(server: str, play: Play) -> None:
    with connect(server, version=5, deadline=30) as client, pytest.raises(NotFoundError):
        client.predict(images_of(1))


def test_version_not_asked_for_is_left_open(client: Client, play: Play) -> None:
    client.predict(images_of(1))
    assert play.asked == [None]


def test_version_below_one_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="received 0"):
        connect("grpc://localhost:8500", version=0)


def test_predict_version_is_told_over_grpc_only(client: Client, server: str) -> None:
    assert client.predict(images_of(5))[0].version == (
        VERSION if server.startswith("grpc") else None
    )


def test_predict_more_than_one_call_takes_is_sent_in_parts(client: Client, play: Play) -> None:
    digits = np.arange(IMAGES_PER_CALL + 3) % 10
    assert [found.digit for found in client.predict(images_of(*digits))] == digits.tolist()
    assert play.batches == [IMAGES_PER_CALL, 3]


def test_read_garbage_between_drawings_is_one_problem(client: Client) -> None:
    found = client.read([b"\x89PNG\x00\xff", GARBAGE, b"\xff\xd8"])
    assert [drawing.problem for drawing in found] == [
        Problem.NONE,
        Problem.NOT_AN_IMAGE,
        Problem.NONE,
    ]
    assert [found[0].digit, found[2].digit] == [6, 2]
    assert (
        found[0].image.dtype == np.uint8
        and found[0].image.shape == (28, 28)
        and found[0].image[0, 0] == 6
    )


@pytest.mark.parametrize(
    ("score", "digit"), [(0.0, True), (0.5, True), (0.51, False), (1.0, False)]
)
def test_read_score_above_a_half_does_not_look_like_a_digit(
    client: Client, play: Play, score: float, digit: bool
) -> None:
    play.changed = {"ood_score": np.array([score], np.float32)}
    [found] = client.read([b"123"])
    assert found.ood_score == pytest.approx(score)
    assert found.looks_like_digit is digit


def test_read_version_without_a_score_takes_everything_for_a_digit(
    client: Client, play: Play
) -> None:
    play.dropped = {"ood_score"}
    [found] = client.read([b"123"])
    assert (found.digit, found.ood_score, found.looks_like_digit) == (3, None, True)


def test_read_score_of_another_shape_is_a_mismatch(client: Client, play: Play) -> None:
    play.changed = {"ood_score": np.zeros((1, 2), np.float32)}
    with pytest.raises(ContractMismatchError, match="'ood_score' of shape"):
        client.read([b"123"])


def test_read_many_drawings_are_sent_in_parts(client: Client, play: Play) -> None:
    drawings = [bytes(1 + number % 9) for number in range(DRAWINGS_PER_CALL + 1)]
    assert [found.digit for found in client.read(drawings)] == [
        len(drawing) for drawing in drawings
    ]
    assert play.batches == [DRAWINGS_PER_CALL, 1]


def test_read_large_drawings_are_sent_one_by_one(client: Client, play: Play) -> None:
    assert len(client.read([bytes(4 * 1024 * 1024), bytes(1), bytes(4 * 1024 * 1024)])) == 3
    assert play.batches == [1, 1, 1]


def test_status_newest_version_comes_first(client: Client, play: Play) -> None:
    play.versions = [(1, "AVAILABLE", ""), (2, "END", "broken weights")]
    assert client.status() == [
        VersionStatus(2, "END", "broken weights"),
        VersionStatus(1, "AVAILABLE"),
    ]


def test_status_unknown_model_is_not_found(server: str) -> None:
    with (
        connect(server, model="é?x=1") as client,
        pytest.raises(NotFoundError, match=r"expected model 'é\?x=1'.*Latest\(é\?x=1\)"),
    ):
        client.status()


def test_predict_unknown_model_is_not_found(server: str) -> None:
    with (
        connect(server, model="letters") as client,
        pytest.raises(NotFoundError, match=r"Latest\(letters\)"),
    ):
        client.predict(images_of(1))


def test_predict_server_unavailable_twice_is_asked_a_third_time(client: Client, play: Play) -> None:
    play.faults = [("UNAVAILABLE", "not yet")] * 2
    assert client.predict(images_of(8))[0].digit == 8
    assert play.calls == [PREDICT] * 3


def test_predict_server_always_unavailable_gives_up(client: Client, play: Play) -> None:
    play.faults = [("UNAVAILABLE", "closing down")] * 9
    with pytest.raises(UnavailableError, match="closing down"):
        client.predict(images_of(8))
    assert len(play.calls) == 4


FAULTS = {
    "INVALID_ARGUMENT": InvalidRequestError,
    "NOT_FOUND": NotFoundError,
    "RESOURCE_EXHAUSTED": ServerFailedError,
    "INTERNAL": ServerFailedError,
    "UNIMPLEMENTED": ServerFailedError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
    "FAILED_PRECONDITION": InvalidRequestError,
}


@pytest.mark.parametrize("code", FAULTS)
def test_read_other_fault_is_raised_at_once(client: Client, play: Play, code: str) -> None:
    play.faults = [(code, "because\n  of this")]
    with pytest.raises(
        FAULTS[code], match=r"expected .*; received .*because of this.*; "
    ) as caught:
        client.read([b"drawing"])
    assert type(caught.value) is FAULTS[code]
    assert play.calls == [DRAWINGS]


def test_predict_slow_server_ends_at_the_deadline(server: str, play: Play) -> None:
    play.delay = 20
    began = time.monotonic()
    with (
        connect(server, deadline=0.2) as client,
        pytest.raises(DeadlineExceededError, match="allow a longer deadline"),
    ):
        client.predict(images_of(1))
    assert 0.15 < time.monotonic() - began < 10
    play.over.set()
    assert play.calls == [PREDICT]


@pytest.mark.parametrize("scheme", ["grpc", "rest"])
def test_predict_nobody_listens_is_unavailable(scheme: str) -> None:
    with (
        connect(f"{scheme}://127.0.0.1:9") as client,
        pytest.raises(UnavailableError, match="check that it runs"),
    ):
        client.predict(images_of(1))


def test_errors_unavailable_not_found_and_slow_are_three_sentences(
    client: Client, play: Play
) -> None:
    texts = set()
    for code in ("UNAVAILABLE", "NOT_FOUND", "DEADLINE_EXCEEDED"):
        play.faults = [(code, "x")] * 4
        with pytest.raises(ClientError) as caught:
            client.status()
        play.faults = []
        texts.add(str(caught.value).replace(code, ""))
    assert len(texts) == 3


def test_predict_reply_without_digit_is_a_mismatch(client: Client, play: Play) -> None:
    play.dropped = {"digit"}
    with pytest.raises(
        ContractMismatchError,
        match="expected an output 'digit' from the model; received only probabilities",
    ):
        client.predict(images_of(1))


WRONG_OUTPUTS = {
    "one row short": {"probabilities": np.ones((1, 10), np.float32)},
    "no class axis": {"probabilities": np.ones(2, np.float32)},
    "digit beyond the classes": {"digit": np.array([1, 10])},
    "negative digit": {"digit": np.array([-1, 0])},
    "small images": {"images": np.zeros((2, 8, 8), np.uint8)},
    "unheard-of problem": {"problem": np.array([0, 99], np.int32)},
}


@pytest.mark.parametrize("outputs", WRONG_OUTPUTS.values(), ids=WRONG_OUTPUTS)
def test_read_reply_of_another_form_is_a_mismatch(
    client: Client, play: Play, outputs: dict[str, Array]
) -> None:
    play.changed = outputs
    with pytest.raises(ContractMismatchError, match=r"expected .* from the model; received .*; "):
        client.read([b"one", b"two"])


def test_predict_more_classes_than_digits_are_labelled_by_number(
    client: Client, play: Play
) -> None:
    play.changed = {"probabilities": np.eye(26, dtype=np.float32)[[25]], "digit": np.array([25])}
    found = client.predict(images_of(1))[0]
    assert (found.digit, found.label, found.probabilities.shape) == (25, "25", (26,))


def test_check_contract_our_model_passes(client: Client) -> None:
    client.check_contract()


def test_check_contract_other_model_names_each_difference(client: Client, play: Play) -> None:
    ours = signatures()
    short = replace(ours[DRAWINGS], outputs=ours[DRAWINGS].outputs[:-1])
    play.signatures = {PREDICT: ours[PREDICT], DRAWINGS: short}
    with pytest.raises(
        ContractMismatchError,
        match=r"'drawings' output 'problem' is missing, not int32.*signature 'explain' is missing",
    ):
        client.check_contract()


def test_wait_version_that_loads_meanwhile_is_returned(client: Client, play: Play) -> None:
    play.faults = [("NOT_FOUND", "Could not find any versions of model digits")]
    assert client.wait(30) == VERSION


def test_wait_version_that_never_loads_says_its_state(client: Client, play: Play) -> None:
    play.versions = [(4, "END", "broken weights")]
    with pytest.raises(
        NotFoundError,
        match="expected an available version; received version 4 END broken weights; wait longer",
    ):
        client.wait(0.3)


def test_wait_model_without_contract_is_a_mismatch(client: Client, play: Play) -> None:
    play.signatures = {}
    with pytest.raises(
        ContractMismatchError, match=f"version {VERSION}: signature 'serving_default' is missing"
    ):
        client.wait(0.3)


def test_wait_nobody_listens_ends_in_time() -> None:
    began = time.monotonic()
    with (
        connect("grpc://127.0.0.1:9") as client,
        pytest.raises((UnavailableError, DeadlineExceededError)),
    ):  # the latter on a busy machine
        client.wait(0.5)
    assert time.monotonic() - began < 10


def test_client_server_that_comes_back_is_found_again() -> None:
    with grpc_double(Stage()) as address:
        client = connect(address, deadline=30)
        client.status()
    with pytest.raises(UnavailableError):
        client.status()
    with grpc_double(Stage(), port=int(address.rpartition(":")[2])):
        assert client.wait(30) == VERSION
    client.close()
