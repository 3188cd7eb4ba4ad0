import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digits.contract import MANIFEST_FILE
from digits.errors import StoreError, VersionError
from digits.manifest import Manifest, describe_files, read_manifest, verify, write_manifest
from digits.store import check_writable, publish, versions, write_synced

FACTS = {
    "architecture": "conv3",
    "parameters": 1,
    "recipe": "toy",
    "config": {"epochs": 1},
    "seed": 1,
    "data": {"name": "toy"},
    "metrics": {"test": {"accuracy": 0.5}},
    "versions": {"python": "3.11"},
    "code_revision": "none",
    "created": "2026-01-01T00:00:00+00:00",
}


def write_version(folder: Path) -> None:
    (folder / "variables").mkdir()
    (folder / "saved_model.pb").write_bytes(bytes(range(256)) * 20)
    (folder / "variables" / "variables.index").write_bytes(b"index")
    write_manifest(Manifest.model_validate({**FACTS, "files": describe_files(folder)}), folder)


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return tmp_path / "models" / str(publish(tmp_path / "models", write_version))


def test_publish_first_is_version_one_and_verifies(tmp_path: Path) -> None:
    assert publish(tmp_path / "models", write_version) == 1
    assert verify(tmp_path / "models" / "1").architecture == "conv3"
    assert (tmp_path / "models" / "1").stat().st_mode & 0o777 == 0o755


def test_manifest_without_a_temperature_is_of_a_version_that_was_not_calibrated(
    version: Path,
) -> None:
    path = version / MANIFEST_FILE
    fields = json.loads(path.read_bytes())
    del fields["temperature"], fields["digest"]
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps({**fields, "digest": digest}, sort_keys=True, indent=2) + "\n")
    assert verify(version).temperature == 1.0


@pytest.mark.parametrize("temperature", [0, -1, float("inf"), float("nan")])
def test_manifest_temperature_that_nothing_can_be_divided_by_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        Manifest.model_validate({**FACTS, "files": {}, "temperature": temperature})


def test_publish_again_takes_the_next_number_and_never_an_old_one(tmp_path: Path) -> None:
    assert [publish(tmp_path, write_version) for _ in range(3)] == [1, 2, 3]
    shutil.rmtree(tmp_path / "3")
    assert publish(tmp_path, write_version) == 4


def test_publish_number_taken_by_a_plain_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1").write_text("in the way")
    assert publish(tmp_path, write_version) == 2


def test_publish_writer_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise RuntimeError("out of ink")

    with pytest.raises(RuntimeError, match="out of ink"):
        publish(tmp_path, fail)
    assert versions(tmp_path) == []
    assert not list(tmp_path.glob(".staging-*"))


def test_publish_content_unlike_its_manifest_is_refused(tmp_path: Path) -> None:
    def write_then_change(folder: Path) -> None:
        write_version(folder)
        (folder / "saved_model.pb").write_bytes(b"other")

    with pytest.raises(VersionError, match=r"saved_model\.pb"):
        publish(tmp_path, write_then_change)
    assert versions(tmp_path) == []


def test_publish_place_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="expected a folder for models that can be written"):
        check_writable(tmp_path / "file" / "models")


KILL_AT_EVERY_STEP = """
import os, signal, sys
from pathlib import Path
from digits.store import publish, versions
from tests.digits.test_store import write_version
base, at = Path(sys.argv[1]), 0
while True:
    at += 1
    child = os.fork()
    if child == 0:
        left = [at]
        def step(event, arguments):
            if event in ("open", "os.mkdir", "os.rename", "os.chmod", "os.remove", "os.rmdir", "os.scandir", "os.listdir"):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(step)
        publish(base, write_version)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(at, status, versions(base), flush=True)
    if status == 0:
        break
"""  # noqa: E501 - text of a file or a program


def test_publish_killed_at_every_file_operation_shows_only_whole_versions(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILL_AT_EVERY_STEP, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    kills = len(done.stdout.splitlines()) - 1
    assert kills > 20, "the hook saw too few operations to mean anything"
    for number in versions(tmp_path):
        verify(tmp_path / str(number))
    assert publish(tmp_path, write_version) == max(versions(tmp_path))
    assert not list(tmp_path.glob(".staging-*")), "the next publish sweeps what a killed one left"


def test_publish_two_at_once_get_two_numbers(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from digits.store import publish; from "
        "tests.digits.test_store import write_version; "
    )
    code += "print(*[publish(Path(sys.argv[1]), write_version) for _ in range(10)])"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    numbers = [
        int(word) for process in running for word in process.communicate(timeout=60)[0].split()
    ]
    assert sorted(numbers) == list(range(1, 21))


@pytest.mark.parametrize(
    "name", ["007", "-1", "+1", "1_0", "४२", " 7", "9" * 20, "7.tmp", "0", "abc"]
)
def test_versions_other_names_are_ignored(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / "12").mkdir()
    assert versions(tmp_path) == [12]


def test_versions_files_and_links_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "1").write_text("a file")
    (tmp_path / "2").symlink_to(tmp_path / "nowhere")
    (tmp_path / "3").symlink_to(tmp_path)
    (tmp_path / "4").mkdir()
    assert versions(tmp_path) == [4]


def test_versions_absent_folder_has_none(tmp_path: Path) -> None:
    assert versions(tmp_path / "none") == []


def test_verify_any_flipped_bit_is_refused(version: Path) -> None:
    for file in [path for path in version.rglob("*") if path.is_file()]:
        whole = file.read_bytes()
        for place in range(0, len(whole), max(1, len(whole) // 40)):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(VersionError):
                verify(version)
        file.write_bytes(whole)
    verify(version)


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index", MANIFEST_FILE])
def test_verify_missing_file_is_refused(version: Path, name: str) -> None:
    (version / name).unlink()
    with pytest.raises(VersionError, match="expected"):
        verify(version)


def test_verify_added_file_is_refused(version: Path) -> None:
    (version / "extra").write_text("")
    with pytest.raises(VersionError, match="'extra'"):
        verify(version)


def test_verify_link_inside_is_refused(version: Path) -> None:
    (version / "saved_model.pb").unlink()
    (version / "saved_model.pb").symlink_to(os.devnull)
    with pytest.raises(VersionError, match="link"):
        verify(version)


@settings(max_examples=50, deadline=None)
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.recursive(st.none() | st.integers() | st.text(), st.lists).map(
            lambda v: json.dumps(v).encode()
        ),
    )
)
def test_read_manifest_any_other_content_is_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("version")
    (folder / MANIFEST_FILE).parent.mkdir()
    (folder / MANIFEST_FILE).write_bytes(content)
    with pytest.raises(VersionError):
        read_manifest(folder)


def test_write_synced_failure_keeps_the_old_content(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "inside").write_text("")
    with pytest.raises(OSError):
        write_synced(target, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
