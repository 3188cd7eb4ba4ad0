"""Versions that come, go, and come broken, under a server that keeps answering."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import predict_pb2

from digits import contract, store
from digits.errors import StoreError
from serving.server.errors import Code, NotFoundError, VersionRefusedError
from serving.server.models.config import ModelSource, Policy, every, latest, specific
from serving.server.models.model import State, Target
from serving.server.models.registry import Models
from serving.server.models.version import LoadedVersion
from serving.server.models.watcher import Watcher
from tests.support.server_fixtures import (
    SECONDS,
    Export,
    Protocols,
    Publish,
    StartServer,
    ask,
    fault_of,
)

IMAGE = np.zeros((1, 28, 28), np.uint8)


def digit_of(reply: predict_pb2.PredictResponse) -> int:
    return int(reply.outputs["digit"].int64_val[0])


def test_new_version_swaps_in_and_the_old_one_ends(
    tmp_path: Path, publish: Publish, start_server: StartServer
) -> None:
    publish(tmp_path, 1)
    protocols = start_server(model_base_path=tmp_path)
    assert digit_of(protocols.predict(ask({"images": IMAGE}))) == 1
    publish(tmp_path, 2)
    protocols.wait_for(1, "END")
    reply = protocols.predict(ask({"images": IMAGE}))
    assert (digit_of(reply), reply.model_spec.version.value) == (2, 2)
    assert protocols.states() == {2: ("AVAILABLE", ""), 1: ("END", "")}


def test_swap_under_load_fails_no_call_and_every_answer_names_its_version(
    tmp_path: Path, publish: Publish, start_server: StartServer
) -> None:
    publish(tmp_path, 1)
    protocols = start_server(model_base_path=tmp_path)
    stop, faults, seen = threading.Event(), [], set()

    def over_grpc() -> None:
        while not stop.is_set():
            reply = protocols.predict(ask({"images": IMAGE}))
            seen.add((reply.model_spec.version.value, digit_of(reply)))

    def over_rest() -> None:
        while not stop.is_set():
            answer = protocols.post({"instances": IMAGE.tolist()})
            if answer.status_code != 200:
                faults.append(answer.text)

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - any failure fails the test
            faults.append(repr(error))

    workers = [
        threading.Thread(target=guarded, args=(work,)) for work in (over_grpc, over_grpc, over_rest)
    ]
    for worker in workers:
        worker.start()
    for fingerprint in (2, 3, 4):
        number = publish(tmp_path, fingerprint)
        protocols.wait_for(number, "AVAILABLE")
        shutil.rmtree(tmp_path / str(number - 1))
    stop.set()
    for worker in workers:
        worker.join()
    assert not faults
    assert seen <= {(1, 1), (2, 2), (3, 3), (4, 4)}
    assert len(seen) > 1


@pytest.mark.parametrize(
    "name",
    [
        "saved_model.pb",
        "variables/variables.data-00000-of-00001",
        contract.WARMUP_FILE,
        contract.MANIFEST_FILE,
    ],
)
def test_altered_version_is_refused_with_a_reason_and_the_old_one_keeps_serving(
    name: str, tmp_path: Path, publish: Publish, start_server: StartServer
) -> None:
    publish(tmp_path / "other", 2)
    flip_a_bit(tmp_path / "other" / "1" / name)
    publish(tmp_path / "digits", 1)
    protocols = start_server(model_base_path=tmp_path / "digits")
    (tmp_path / "other" / "1").rename(tmp_path / "digits" / "2")
    reason = protocols.wait_for(2, "END")
    assert "expected" in reason
    assert str(tmp_path) not in reason
    assert digit_of(protocols.predict(ask({"images": IMAGE}))) == 1
    code, _ = fault_of(lambda: protocols.predict(ask({"images": IMAGE}, version=2)))
    assert code == grpc.StatusCode.NOT_FOUND


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_half_copied_version_is_never_served_and_the_whole_one_is(
    tmp_path: Path, publish: Publish, start_server: StartServer
) -> None:
    publish(tmp_path / "other", 2)
    publish(tmp_path / "digits", 1)
    protocols = start_server(model_base_path=tmp_path / "digits")
    source, target = tmp_path / "other" / "1", tmp_path / "digits" / "2"
    files = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file())
    for name in files[:-1]:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)
        assert digit_of(protocols.predict(ask({"images": IMAGE}))) == 1
    protocols.wait_for(2, "END")
    shutil.copyfile(source / files[-1], target / files[-1])
    protocols.wait_for(2, "AVAILABLE")
    assert digit_of(protocols.predict(ask({"images": IMAGE}))) == 2


@pytest.mark.parametrize(
    "missing",
    ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"],
)
def test_incomplete_version_without_manifest_is_refused_when_none_is_required(
    missing: str, tmp_path: Path, export: Export, start_server: StartServer
) -> None:
    shutil.copytree(export(1), tmp_path / "1")
    shutil.copytree(export(2), tmp_path / "2")
    (tmp_path / "2" / missing).unlink()
    protocols = start_server(model_base_path=tmp_path, require_manifest=False)
    assert protocols.states()[1] == ("AVAILABLE", "")
    state, reason = protocols.states()[2]
    assert state == "END"
    assert reason.startswith("expected "), (
        "seen before TensorFlow loads it, which takes absent variables of older models for none"
    )


def test_version_without_manifest_is_refused_when_one_is_required(
    tmp_path: Path, export: Export, start_server: StartServer
) -> None:
    shutil.copytree(export(1), tmp_path / "1")
    state, reason = start_server(model_base_path=tmp_path).states()[1]
    assert state == "END"
    assert "manifest" in reason


def test_failing_warm_up_refuses_the_version(
    tmp_path: Path, publish: Publish, start_server: StartServer
) -> None:
    publish(tmp_path, 1)
    protocols = start_server(model_base_path=tmp_path)
    publish(tmp_path, 2, warm_up_signature="nope")
    assert 'warm-up request failed: Serving signature key "nope" not found' in protocols.wait_for(
        2, "END"
    )
    assert protocols.states()[1][0] == "AVAILABLE"


def test_newest_version_refused_at_start_falls_back_on_the_next(
    tmp_path: Path, publish: Publish, start_server: StartServer
) -> None:
    for fingerprint in (1, 2):
        publish(tmp_path, fingerprint)
    flip_a_bit(tmp_path / "2" / "saved_model.pb")
    assert digit_of(start_server(model_base_path=tmp_path).predict(ask({"images": IMAGE}))) == 1


def test_served_version_whose_files_are_altered_is_reported_and_answers_on(
    tmp_path: Path, publish: Publish, start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    publish(tmp_path, 4)
    monitoring = tmp_path / "monitoring.config"
    monitoring.write_text("prometheus_config { enable: true }")
    protocols = start_server(
        model_base_path=tmp_path,
        file_verify_wait_seconds=0.1,
        monitoring_config_file=monitoring,
    )
    graph = tmp_path / "1" / "saved_model.pb"
    whole = graph.read_bytes()
    with caplog.at_level("WARNING"):
        flip_a_bit(graph)
        said = wait_for_text(protocols, "the next start would refuse its files")
    assert "expected 'saved_model.pb' with SHA-256" in said
    assert said in caplog.text
    assert protocols.states()[1][0] == "AVAILABLE"
    assert altered(protocols) == "1.0"
    assert digit_of(protocols.predict(ask({"images": IMAGE}))) == 4
    graph.write_bytes(whole)
    assert wait_for_text(protocols, "") == ""
    assert altered(protocols) == "0.0"


def altered(protocols: Protocols) -> str:
    page = protocols.rest.get("/monitoring/prometheus/metrics").text
    (line,) = [line for line in page.splitlines() if line.startswith("inkwell_version_files")]
    return line.split()[-1]


def wait_for_text(protocols: Protocols, part: str) -> str:
    until = time.monotonic() + SECONDS
    while True:
        text = protocols.states()[1][1]
        if (part in text) if part else not text:
            return text
        assert time.monotonic() < until, f"the status of version 1 says '{text}'"
        time.sleep(0.02)


def test_no_version_at_start_answers_not_found_until_one_comes(
    tmp_path: Path, publish: Publish, start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING"):
        protocols = start_server(model_base_path=tmp_path / "absent")
    assert f"model digits: no version to serve yet in {tmp_path / 'absent'}" in caplog.text
    assert protocols.rest.get("/v1/models/digits").json() == {
        "error": "Could not find any versions of model digits"
    }
    code, _ = fault_of(lambda: protocols.predict(ask({"images": IMAGE})))
    assert code == grpc.StatusCode.NOT_FOUND
    publish(tmp_path / "absent", 5)
    protocols.wait_for(1, "AVAILABLE")
    assert digit_of(protocols.predict(ask({"images": IMAGE}))) == 5


# ---- the watcher, with a loader that only counts ----


def loaded(model: str, number: int) -> LoadedVersion:
    return LoadedVersion(model, number, {}, {}, {}, None)


LATEST = latest(1)


class Folder:
    """A model folder with made-up versions, and the watcher that follows it."""

    def __init__(self, base: Path, policy: Policy = LATEST) -> None:
        self.base = base
        self.broken: set[int] = set()
        self.loads: list[int] = []
        self.models = Models({"m": {}})
        self._watcher = Watcher([ModelSource("m", base, policy)], self.models, self._load)

    def _load(self, model: str, number: int, _folder: Path) -> LoadedVersion:
        self.loads.append(number)
        if number in self.broken:
            raise VersionRefusedError(Code.DATA_LOSS, "broken")
        return loaded(model, number)

    def add(self, *numbers: int) -> None:
        for number in numbers:
            (self.base / str(number)).mkdir(parents=True)
            (self.base / str(number) / "file").write_text("1")

    def look(self) -> set[int]:
        self._watcher.look()
        return self.models.available("m")


@pytest.mark.parametrize(
    ("policy", "served"),
    [(latest(1), {4}), (latest(2), {3, 4}), (every, {1, 3, 4}), (specific([1, 3, 9]), {1, 3})],
)
def test_policy_decides_which_versions_are_served(
    policy: Policy, served: set[int], tmp_path: Path
) -> None:
    folder = Folder(tmp_path, policy)
    folder.add(1, 3, 4)
    assert folder.look() == served


def test_emptied_folder_keeps_the_last_good_version(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "m")
    folder.add(1)
    assert folder.look() == {1}
    shutil.rmtree(tmp_path / "m")
    assert folder.look() == {1}


def test_deleted_newest_version_gives_way_to_the_one_before(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.add(1, 2)
    assert folder.look() == {2}
    shutil.rmtree(tmp_path / "2")
    assert folder.look() == {1}
    with folder.models.lease(Target("m")) as version:
        assert version.number == 1


def test_refused_version_is_tried_again_only_when_its_files_change(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.broken = {2}
    folder.add(1, 2)
    for _ in range(3):
        assert folder.look() == {1}
    assert folder.loads == [2, 1]
    folder.broken = set()
    (tmp_path / "2" / "file").write_text("changed")
    assert folder.look() == {2}


@pytest.mark.parametrize(("at_once", "served"), [(1, set()), (2, {1})])
def test_look_loads_as_many_models_at_a_time_as_it_is_told(
    at_once: int, served: set[int], tmp_path: Path
) -> None:
    together = threading.Barrier(2)

    def load(model: str, number: int, _folder: Path) -> LoadedVersion:
        # The other one is being loaded too, or both fail.
        together.wait(timeout=30 if at_once > 1 else 0.1)
        return loaded(model, number)

    for name in "ab":
        (tmp_path / name / "1").mkdir(parents=True)
    models = Models("ab")
    sources = [ModelSource(name, tmp_path / name, LATEST) for name in "ab"]
    Watcher(sources, models, load).look(at_once)
    assert [models.available(name) for name in "ab"] == [served, served]


def test_unlistable_folder_keeps_the_last_good_version(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "m")
    folder.add(1)
    folder.look()
    (tmp_path / "m").rename(tmp_path / "gone")
    (tmp_path / "m").write_text("a file now")
    with pytest.raises(StoreError):
        store.versions(tmp_path / "m")
    assert folder.look() == {1}


def test_retired_version_stays_loaded_until_its_last_call_ends() -> None:
    models = Models({"m": {}})
    models.serve("m", loaded("m", 1))
    with models.lease(Target("m")) as held:
        models.serve("m", loaded("m", 2))
        models.retire("m", [1])
        assert held.number == 1
        assert models.status("m", 1)[0].state == State.UNLOADING
        with models.lease(Target("m")) as newer:
            assert newer.number == 2
        with pytest.raises(NotFoundError, match="Specific"), models.lease(Target("m", 1)):
            pass
    assert models.status("m", 1)[0].state == State.END


def test_status_forgets_the_oldest_of_very_many_ended_versions() -> None:
    models = Models({"m": {}})
    for number in range(1, 301):
        models.serve("m", loaded("m", number))
        models.retire("m", [number - 1] if number > 1 else [])
    assert len(models.status("m")) <= 102
    assert models.status("m")[0].number == 300


def test_version_that_leaves_memory_is_freed_while_no_lock_is_held() -> None:
    models, freed = Models(["digits"]), []

    class Content:
        def __del__(self) -> None:
            thread = threading.Thread(target=lambda: freed.append(models.names()), daemon=True)
            thread.start()
            thread.join(1)

    def serve(number: int) -> None:
        models.serve("digits", LoadedVersion("digits", number, {}, {}, {}, Content()))

    serve(1)
    models.retire("digits", [1])
    assert len(freed) == 1, "retired while idle"
    serve(2)
    with models.lease(Target("digits")):
        models.retire("digits", [2])
        assert len(freed) == 1, "it is leased"
    assert len(freed) == 2, "the last lease ended"
    serve(3)
    serve(3)
    assert len(freed) == 3, "replaced"
