import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digits.contract import MANIFEST_FILE
from digits.errors import StoreError, VersionError
from digits.files import read_plain, write_synced
from digits.manifest import Manifest, read_manifest, verify
from digits.numbering import RECORD
from digits.store import HELD, check_writable, held, served, versions
from tests.support import versions as versions_support
from tests.support.versions import FACTS, write_version


def publish(base: Path, write: Callable[[Path], None] = write_version) -> int:
    return versions_support.publish(base, write).number


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return tmp_path / "models" / str(publish(tmp_path / "models"))


def test_publish_first_is_version_one_and_verifies(tmp_path: Path) -> None:
    assert publish(tmp_path / "models") == 1
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
    assert [publish(tmp_path) for _ in range(3)] == [1, 2, 3]
    shutil.rmtree(tmp_path / "3")
    assert publish(tmp_path) == 4


def test_publish_number_taken_by_a_plain_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1").write_text("in the way")
    assert publish(tmp_path) == 2


@pytest.mark.parametrize(
    "record",
    [b"9" * 25, b"-5", b"1e9", b"", b"\xff\xfe", b"007", b"1_000", "४२".encode(), b"7" * 100_000],
)
def test_publish_record_of_another_kind_counts_as_lost(tmp_path: Path, record: bytes) -> None:
    assert [publish(tmp_path) for _ in range(2)] == [1, 2]
    (tmp_path / RECORD).write_bytes(record)
    assert publish(tmp_path) == 3
    assert (served(tmp_path), (tmp_path / RECORD).read_text()) == (3, "3\n")


def test_publish_record_that_is_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    base, elsewhere = tmp_path / "digits", tmp_path / "elsewhere"
    publish(base)
    elsewhere.write_text("77")
    (base / RECORD).unlink()
    (base / RECORD).symlink_to(elsewhere)
    assert publish(base) == 2
    assert elsewhere.read_text() == "77" and not (base / RECORD).is_symlink()


def test_publish_without_its_record_gives_no_number_twice(tmp_path: Path) -> None:
    assert [publish(tmp_path) for _ in range(3)] == [1, 2, 3]
    shutil.rmtree(tmp_path / "3")
    (tmp_path / RECORD).unlink()
    assert publish(tmp_path) == 4, "the ledger knows that there was a version 3"


def test_publish_after_the_highest_number_is_refused(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / RECORD).write_text("9" * 18)
    with pytest.raises(StoreError, match=f"at most 18 digits.*nothing was published.*{RECORD}"):
        publish(tmp_path)
    assert versions(tmp_path) == [1]
    assert not list(tmp_path.glob(".staging-*"))


def test_number_in_both_places_is_reported_and_the_held_copy_put_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        publish(tmp_path)
    for _ in range(2):
        shutil.copytree(tmp_path / "1", tmp_path / HELD / "1")
        publish(tmp_path)
    assert (versions(tmp_path), held(tmp_path)) == ([1, 2, 3, 4], [])
    for name in ("1.duplicate", "1.duplicate-2"):
        verify(tmp_path / HELD / name)
        assert f"version 1 of '{tmp_path.name}' was in 'held' too" in caplog.text
        assert f"that copy is 'held/{name}' now" in caplog.text


def test_held_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    base = tmp_path / "digits"
    publish(base)
    (tmp_path / "elsewhere").mkdir()
    (base / HELD).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="expected 'held' to be a folder; received a link"):
        publish(base)


def test_read_plain_refuses_what_is_larger(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_plain(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="5 bytes, more than 4"):
        read_plain(tmp_path / "file", 4)


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
    with pytest.raises(StoreError, match="cannot write to the folder for models"):
        check_writable(tmp_path / "file" / "models")


KILL_AT_EVERY_STEP = """
import os, signal, sys
from pathlib import Path
from digits.store import versions
from tests.support.versions import publish
base, at = Path(sys.argv[1]), 0
steps = "open os.mkdir os.rename os.chmod os.remove os.rmdir os.scandir os.listdir".split()
while True:
    at += 1
    child = os.fork()
    if child == 0:
        left = [at]
        def step(event, arguments):
            if event in steps:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(step)
        publish(base)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(at, status, versions(base), flush=True)
    if status == 0:
        break
"""


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
    assert publish(tmp_path) == max(versions(tmp_path))
    assert not list(tmp_path.glob(".staging-*")), "the next publish sweeps what a killed one left"


def test_publish_two_at_once_get_two_numbers(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.support.versions import publish; "
        "print(*[publish(Path(sys.argv[1])).number for _ in range(10)])"
    )
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


def test_verify_pipe_in_place_of_the_manifest_is_refused_and_not_waited_for(version: Path) -> None:
    (version / MANIFEST_FILE).unlink()
    os.mkfifo(version / MANIFEST_FILE)
    with pytest.raises(VersionError, match="manifest"):
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


@pytest.mark.parametrize(
    "name", [".DS_Store", "._saved_model.pb", ".nfs0000000000a1", "variables/._x"]
)
def test_verify_does_not_look_at_what_file_systems_leave_behind(version: Path, name: str) -> None:
    (version / name).write_bytes(b"left behind")
    assert verify(version).architecture == "conv3"


@pytest.mark.parametrize("name", [".hidden", "._", "DS_Store", "notes.nfs1"])
def test_verify_refuses_any_other_file(version: Path, name: str) -> None:
    (version / name).write_bytes(b"x")
    with pytest.raises(VersionError, match=re.escape(name)):
        verify(version)
