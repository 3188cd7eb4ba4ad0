"""Recorded behaviours over time: done again, a step at a time, until each settles as recorded or as
the list of deviations says."""

import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2, predict_pb2, prediction_log_pb2

from digits.contract import WARMUP_FILE
from tests.conformance.recordings import Json, instead_of, read_deviations, read_timelines
from tests.conformance.senders import send_rest
from tests.conformance.stage import RECORDINGS, TARGET, Protocols, embedded

TIMELINES: Final = read_timelines(RECORDINGS)
LISTED: Final = instead_of(read_deviations(), "timelines")
SETTLED: Final = ("new_version", "version_removed", "empty_folder", "corrupt", "label_moved")
SECONDS: Final = 60.0

pytestmark = pytest.mark.skipif(
    bool(TARGET), reason="a behaviour over time needs a server whose folders the test may change"
)


@dataclass(frozen=True)
class World:
    """The folders of one replay."""

    models: Path
    base: Path
    config: Path

    def put(self, number: int, warm_up: Path | None = None) -> Path:
        """A good version: y = x/2 + 2 as number 1, + 3 as any other."""
        draft = self.base.parent / f"draft-{number}"
        shutil.copytree(self.models / "half_plus_two" / ("1" if number == 1 else "2"), draft)
        if warm_up is not None:
            (draft / WARMUP_FILE).parent.mkdir()
            shutil.copy(warm_up, draft / WARMUP_FILE)
        return draft.rename(self.base / str(number))

    def damage(self, number: int, name: str, content: bytes) -> None:
        """A version with one file replaced."""
        draft = self.base.parent / f"draft-{number}"
        shutil.copytree(self.models / "half_plus_two" / "2", draft)
        (draft / name).write_bytes(content)
        draft.rename(self.base / str(number))


ACTIONS: Final[dict[str, Callable[[World, Any], object]]] = {
    r"version (\d+) moved in": lambda world, number: world.put(int(number)),
    r"folder (\d+) back": lambda world, number: world.put(int(number)),
    r"good version (\d+)": lambda world, number: world.put(int(number)),
    r"folder (\d+) removed": lambda world, number: shutil.rmtree(world.base / number),
    r"empty folder (\d+)": lambda world, number: (world.base / number).mkdir(),
    r"folder (\d+): saved_model.pb of 100 bytes 0xff": lambda world, number: world.damage(
        int(number), "saved_model.pb", b"\xff" * 100
    ),
    r"folder (\d+): variables data cut to one byte": lambda world, number: world.damage(
        int(number), "variables/variables.data-00000-of-00001", b"\0"
    ),
}


@pytest.fixture
def world(models: Path, tmp_path: Path) -> World:
    world = World(models, tmp_path / "m", tmp_path / "models.config")
    world.base.mkdir()
    return world


def flags(timeline: Json, world: World) -> list[str]:
    return [
        flag.replace("{BASE}", str(world.base)).replace("{DIR}", str(world.config.parent))
        for flag in timeline["flags"]
    ]


@pytest.mark.parametrize("name", SETTLED)
def test_behaviour_over_time_settles_as_recorded(name: str, world: World) -> None:
    timeline = TIMELINES[name]
    events = timeline["events"]
    if "text" in events[0]:
        write_config(world, events[0]["text"])
    for number in first_versions(events):
        world.put(number)
    label = "stable" if name == "label_moved" else ""
    server = [flag for flag in flags(timeline, world) if "_poll_" not in flag]
    server += [
        "--load_retry_interval_micros=600000000",
        "--model_config_file_poll_wait_seconds=0.3" if label else "--host=127.0.0.1",
    ]
    with embedded(server) as protocols:
        for phase in phases(events):
            do(phase[0], world)
            seen = [event for event in phase if event["event"] == "seen"]
            if seen:
                settle(protocols, seen[-1], label)


def write_config(world: World, text: str) -> None:
    world.config.write_text(text.replace("{BASE}", str(world.base)), encoding="utf-8")


def first_versions(events: list[Json]) -> list[int]:
    first = next(event for event in events if event["event"] == "seen")
    return list(range(1, max(version for version, *_ in first["status"]) + 1))


def phases(events: list[Json]) -> list[list[Json]]:
    """The events in groups, each begun by something that was done."""
    groups: list[list[Json]] = []
    for event in events:
        if event["event"] != "seen" or not groups:
            groups.append([])
        groups[-1].append(event)
    return groups


def do(event: Json, world: World) -> None:
    if event["event"] == "models.config written":
        write_config(world, event["text"])
    for pattern, action in ACTIONS.items():
        if found := re.fullmatch(pattern, event["event"]):
            action(world, found[1])


def settle(protocols: Protocols, recorded: Json, label: str) -> None:
    """Wait until states and answer are the recorded ones."""
    states = [tuple(status[:2]) for status in recorded["status"]]
    answer = {key: value for key, value in recorded["predict"].items() if key != "message"}
    until = time.monotonic() + SECONDS
    while (found := (states_of(protocols), predict(protocols, label))) != (states, answer):
        assert time.monotonic() < until, f"{states}, {answer} recorded; {found} seen"
        time.sleep(0.05)


def states_of(protocols: Protocols) -> list[tuple[int, str]]:
    return [
        (status.version, get_model_status_pb2.ModelVersionStatus.State.Name(status.state))
        for status in statuses(protocols)
    ]


def statuses(protocols: Protocols) -> list[Any]:
    request = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "m"})
    path = "/tensorflow.serving.ModelService/GetModelStatus"
    call = protocols.channel.unary_unary(
        path,
        type(request).SerializeToString,
        get_model_status_pb2.GetModelStatusResponse.FromString,
    )
    return list(call(request, timeout=SECONDS).model_version_status)


def predict(protocols: Protocols, label: str = "") -> Json:
    request = question(label)
    path = "/tensorflow.serving.PredictionService/Predict"
    call = protocols.channel.unary_unary(
        path, type(request).SerializeToString, predict_pb2.PredictResponse.FromString
    )
    try:
        reply = call(request, timeout=SECONDS)
    except grpc.RpcError as error:
        return {"code": error.code().name}
    return {
        "code": "OK",
        "version": reply.model_spec.version.value,
        "y": tf.make_ndarray(reply.outputs["y"]).item(),
    }


def question(
    label: str = "",
    signature: str = "",
    name: str = "x",
    dtype: Any = np.float32,
) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest(model_spec={"name": "m", "signature_name": signature})
    if label:
        request.model_spec.version_label = label
    request.inputs[name].CopyFrom(tf.make_tensor_proto(np.array([1], dtype)))
    return request


def record(**changes: Any) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(question(**changes))
    return bytes(log.SerializeToString())


def other_model() -> bytes:
    log = prediction_log_pb2.PredictionLog.FromString(record())
    log.predict_log.request.model_spec.name = "other"
    return bytes(log.SerializeToString())


def session_run() -> bytes:
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.SetInParent()
    return bytes(log.SerializeToString())


RECORDS: Final[dict[str, Callable[[], list[bytes]]]] = {
    "warmup_good": lambda: [record()],
    "warmup_unknown_signature": lambda: [record(signature="nope")],
    "warmup_misnamed_input": lambda: [record(name="z")],
    "warmup_wrong_dtype": lambda: [record(dtype=np.int64)],
    "warmup_second_bad": lambda: [record(), record(signature="nope")],
    "warmup_session_run": lambda: [session_run()],
    "warmup_empty_log": lambda: [b""],
    "warmup_not_a_log": lambda: [b"\xff\xff\xff"],
    "warmup_other_model_name": lambda: [other_model()],
    "warmup_1001": lambda: [record()] * 1001,
    "warmup_1000": lambda: [record()] * 1000,
    "warmup_empty_file": list,
    "warmup_garbage_file": list,
    "warmup_cut_file": lambda: [record()],
}


@pytest.mark.parametrize("name", RECORDS)
def test_version_with_recorded_requests_ends_as_recorded(
    name: str, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "records"
    with tf.io.TFRecordWriter(str(file)) as writer:
        for content in RECORDS[name]():
            writer.write(content)
    if name == "warmup_garbage_file":
        file.write_bytes(b"this is no TFRecord file, whatever it may be instead")
    if name == "warmup_cut_file":
        file.write_bytes(file.read_bytes()[:-10])
    world.put(1)
    with embedded(
        ["--model_name=m", f"--model_base_path={world.base}", "--max_num_load_retries=0"]
    ) as protocols:
        world.put(2, file)
        until = time.monotonic() + SECONDS
        while (status := statuses(protocols)[0]).version != 2 or status.state not in (
            status.AVAILABLE,
            status.END,
        ):
            assert time.monotonic() < until
            time.sleep(0.05)
        state, code, text = recorded_end(TIMELINES[name])
        assert (type(status).State.Name(status.state), status.status.error_code) == (state, code)
        assert key_words(text) in status.status.error_message
        assert predict(protocols)["version"] == (2 if state == "AVAILABLE" else 1)


def recorded_end(timeline: Json) -> tuple[str, int, str]:
    last = [event for event in timeline["events"] if event["event"] == "seen"][-1]["status"]
    if isinstance(last, dict):
        return "END", grpc.StatusCode.INVALID_ARGUMENT.value[0], last["message_of_version_2"]
    (_, state, code, text) = next(status for status in last if status[0] == 2)
    return state, grpc.StatusCode[code].value[0], text


def key_words(text: str) -> str:
    """A text up to what it says of folders and bytes."""
    return re.split(r"[:(] | at \{BASE\}| at \d+| from \{BASE\}", text)[0].strip()


@pytest.mark.parametrize("key", ["instances", "x"])
def test_deeply_nested_json_is_refused_and_the_server_lives_on(key: str, models: Path) -> None:
    with embedded(["--model_name=m", f"--model_base_path={models}/half_plus_two"]) as protocols:
        for depth in (1000, 50_000, 300_000):
            body = json.dumps({key: 0}).replace("0", "[" * depth + "]" * depth)
            answer = send_rest(
                protocols.rest, {"verb": "POST", "path": "/v1/models/m:predict", "body": body}
            )
            assert (answer["status"], "nested deeper than" in answer["body"]) == (400, True)
        assert predict(protocols)["code"] == "OK"


COVERED: Final = {
    "batch_queue_full": "test_full_batch_queue",
    "deep_json": "test_deeply_nested_json",
    "unknown_flag": "test_bad_flags_end_the_program",
    "no_model": "test_bad_flags_end_the_program",
    "config_garbage_start": "test_configuration_file_that_cannot_be_used",
}
"""Behaviours that a test of another kind shows."""


def test_every_recorded_behaviour_is_done_again_covered_or_listed() -> None:
    assert set(TIMELINES) - {*SETTLED, *RECORDS, *COVERED, *LISTED} == set()
