"""What the server would say to a version; and a server that follows promotions while it is
asked."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from digits import contract, promotion, store
from digits.ledger import read_entries
from digits.manifest import Manifest, describe_files, write_manifest
from digits.release_checks import Finding
from serving.release.examine import check_release, examine
from tests.support.server_fixtures import (
    BLANK,
    Export,
    Protocols,
    Publish,
    StartServer,
    Toy,
    ask,
    manifest_of,
    write_warm_up,
)
from tests.support.versions import publish as publish_version

ROOT = Path(__file__).parents[3]
MADE = {
    "versions": {"tensorflow": tf.__version__},
    "config": {"validation_size": 5_000},
    "metrics": {"validation": {"accuracy": 0.99}},
}
Make = Callable[..., Path]


@pytest.fixture
def make(export: Export, tmp_path: Path) -> Make:
    """Publish a toy version; `change` alters the folder before it is sealed, the rest goes into its
    manifest."""

    def make_version(
        change: Callable[[Path], object] = lambda _: None,
        warm_up: str = "serving_default",
        **facts: object,
    ) -> Path:
        def write(folder: Path) -> None:
            shutil.copytree(export(3), folder, dirs_exist_ok=True)
            write_warm_up(folder, warm_up)
            change(folder)
            sealed = {
                **manifest_of(folder).model_dump(),
                **MADE,
                **facts,
                "files": describe_files(folder),
            }
            write_manifest(Manifest.model_validate(sealed), folder)

        return tmp_path / str(publish_version(tmp_path, write).number)

    return make_version


def refused(findings: list[Finding]) -> list[str]:
    return [finding.check for finding in findings if not finding.passed]


def note_answer(folder: Path, add: float) -> None:
    """Put the toy's own answer, changed by `add`, beside the warm-up request."""
    (record,) = tf.data.TFRecordDataset(str(folder / contract.WARMUP_FILE)).as_numpy_iterator()
    log = prediction_log_pb2.PredictionLog.FromString(record)
    toy = Toy(3)
    answer = toy.serving_default(tf.constant(np.zeros((1, 28, 28), np.uint8)))
    log.predict_log.response.outputs["probabilities"].CopyFrom(
        tf.make_tensor_proto(answer["probabilities"].numpy() + add)
    )
    with tf.io.TFRecordWriter(str(folder / contract.WARMUP_FILE)) as file:
        file.write(log.SerializeToString())


def test_examine_a_good_version_passes_every_question(make: Make) -> None:
    findings = examine(make(lambda folder: note_answer(folder, 0.0)))
    assert [finding.check for finding in findings] == [
        "complete",
        "runtime",
        "signatures",
        "load",
        "batch axis",
        "parity",
    ]
    assert refused(findings) == []
    assert "1 answers are those noted by the trainer" in findings[-1].text


def test_examine_answers_that_moved_are_refused(make: Make) -> None:
    findings = examine(make(lambda folder: note_answer(folder, 0.001)))
    assert refused(findings) == ["parity"]
    assert "received a difference of 0.001" in findings[-1].text


def test_examine_one_flipped_bit_is_refused(make: Make) -> None:
    folder = make()
    content = bytearray((folder / "saved_model.pb").read_bytes())
    content[100] ^= 1
    (folder / "saved_model.pb").write_bytes(content)
    (finding,) = examine(folder)
    assert (finding.check, finding.passed) == ("complete", False)
    assert "saved_model.pb" in finding.text


@pytest.mark.parametrize(
    ("made_with", "runtime", "fits"),
    [
        ("2.20.1", "2.20.0", True),
        ("2.19.0", "2.20.0", True),
        ("2.21.0", "2.20.0", False),
        ("1.15.0", "2.20.0", False),
        ("3.0.0", "2.20.0", False),
        ("", "2.20.0", False),
    ],
)
def test_examine_runtime_older_than_the_export_is_refused(
    make: Make, made_with: str, runtime: str, fits: bool
) -> None:
    found = {
        finding.check: finding.passed
        for finding in examine(make(versions={"tensorflow": made_with}), runtime)
    }
    assert found["runtime"] is fits


def test_examine_missing_signature_is_refused(make: Make, tmp_path: Path) -> None:
    def without_explain(folder: Path) -> None:
        toy = Toy(3)
        tf.saved_model.save(
            toy,
            str(folder),
            signatures={
                name: getattr(toy, name) for name in ("serving_default", "drawings", "classify")
            },
        )

    findings = examine(make(without_explain))
    assert refused(findings) == ["signatures"]
    assert "expected the signature 'explain'" in findings[-1].text


def test_examine_fixed_batch_axis_is_refused(make: Make) -> None:
    def fixed(folder: Path) -> None:
        toy = Toy(3)
        signatures = {name: getattr(toy, name) for name in contract.signatures()}
        one_image = tf.TensorSpec([1, 28, 28], tf.uint8, name="images")
        signatures["serving_default"] = tf.function(
            lambda images: toy.serving_default(images),  # noqa: PLW0108
            input_signature=[one_image],
        )
        tf.saved_model.save(toy, str(folder), signatures=signatures)

    assert refused(examine(make(fixed))) == ["signatures"]


def test_examine_warm_up_that_fails_is_refused_with_the_servers_words(make: Make) -> None:
    findings = examine(make(warm_up="nope"))
    assert refused(findings) == ["load"]
    assert 'Serving signature key "nope" not found' in findings[-1].text


def test_examine_no_warm_up_is_refused(make: Make) -> None:
    assert refused(examine(make(lambda folder: (folder / contract.WARMUP_FILE).unlink()))) == [
        "load"
    ]


def test_check_release_compares_a_worse_version_with_the_served_one(make: Make) -> None:
    served, worse, better = (
        make(),
        make(metrics={"validation": {"accuracy": 0.9}}),
        make(metrics={"validation": {"accuracy": 0.999}}),
    )
    assert refused(check_release(None, served, worse)) == ["validation"]
    assert refused(check_release(None, served, better)) == []
    assert refused(check_release(None, None, worse)) == []


def test_check_release_does_not_compare_with_a_version_that_cannot_be_read(make: Make) -> None:
    served, new = make(), make()
    (served / contract.MANIFEST_FILE).write_text("{}")
    findings = check_release(None, served, new)
    assert refused(findings) == [] and findings[-1].check == "served"


def test_server_follows_promotions_and_rollbacks_without_a_failed_call(
    tmp_path: Path, publish: Publish, start_server: StartServer
) -> None:
    for fingerprint in (3, 5, 7):
        publish(tmp_path, fingerprint)
    protocols: Protocols = start_server(model_base_path=tmp_path)
    stop, seen, failed = threading.Event(), [], []

    def ask_on() -> None:
        while not stop.is_set():
            try:
                seen.append(
                    int(protocols.predict(ask({"images": BLANK})).outputs["digit"].int64_val[0])
                )
            except Exception as error:  # noqa: BLE001 - any failure fails the test
                failed.append(error)

    caller = threading.Thread(target=ask_on)
    caller.start()
    for act, number in (
        (lambda: promotion.promote(tmp_path, 1, lambda _served, _new: [], ""), 1),
        (lambda: promotion.promote(tmp_path, 2, lambda _served, _new: [], ""), 2),
        (lambda: promotion.rollback(tmp_path, ""), 1),
        (lambda: promotion.promote(tmp_path, 3, lambda _served, _new: [], ""), 3),
    ):
        act()
        protocols.wait_for(number, "AVAILABLE")
        for other in {1, 2, 3} - {number}:
            if other in protocols.states():
                protocols.wait_for(other, "END")
        assert protocols.predict(ask({"images": BLANK})).model_spec.version.value == number
    stop.set()
    caller.join()
    assert failed == []
    assert [digit for at, digit in enumerate(seen) if at == 0 or digit != seen[at - 1]] == [
        7,
        3,
        5,
        3,
        7,
    ]


def _release(*words: str, code: int = 0) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "serving.release", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == code, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr


def test_release_commands_say_what_they_did(make: Make, tmp_path: Path) -> None:
    make()
    make(metrics={"validation": {"accuracy": 0.9}})
    make()
    os.makedirs(tmp_path / "all")
    where = (f"--models={tmp_path.parent}", f"--model_name={tmp_path.name}")
    said = _release("promote", *where, "--version=2", "--why=see", code=1)
    assert (
        "refused  validation: expected no fewer right than chance explains; received 0.9000 of "
        "5,000" in said
    )
    assert "make promote VERSION=2 FORCE=1" in said
    assert store.served(tmp_path) == 3
    assert "version 2 is served, forced" in _release(
        "promote", *where, "--version=2", "--why=it's urgent", "--force"
    )
    assert "version 3 is served" in _release("rollback", *where)
    lines = _release("versions", *where).splitlines()
    assert lines[0].split() == [
        "version",
        "state",
        "network",
        "recipe",
        "validation",
        "test",
        "created",
    ]
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["3", "served"],
        ["2", "older"],
        ["1", "older"],
    ]
    assert (
        "promote 2 (before it 3): it's urgent; forced over: validation: expected no fewer right"
        in lines[-2]
    )
    assert "rollback 3 (before it 2): no reason given" in lines[-1]
    events = [entry.event for entry in read_entries(tmp_path)]
    assert events == ["publish", "publish", "publish", "promote", "rollback"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("promote",), "promote --version=NUMBER"),
        ((), "expected one of"),
        (("serve",), "expected one of"),
    ],
)
def test_release_wrong_usage_exits_with_two(words: tuple[str, ...], said: str) -> None:
    assert said in _release(*words, code=2)
