"""The kept corpus through every reader; and, where libFuzzer's binding is installed, some thousand
inputs more, going on from there."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.fuzz import OWN_PEAK
from tests.serving.server.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
CASES = [(target, path) for target in TARGETS for path in sorted((CORPUS / target).iterdir())]


def test_corpus_has_something_for_every_target() -> None:
    assert {target for target, _ in CASES} == set(TARGETS)


@pytest.mark.parametrize(
    ("target", "path"), CASES, ids=[f"{target} {path.name[:12]}" for target, path in CASES]
)
def test_kept_input_is_read_or_refused(target: str, path: Path) -> None:
    TARGETS[target](path.read_bytes())


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris, which guides the fuzzing, is for x86_64 only",
)
@pytest.mark.parametrize("target", TARGETS)
def test_guided_fuzzing_from_the_corpus_breaks_nothing(target: str, tmp_path: Path) -> None:
    command = [
        *OWN_PEAK,
        sys.executable,
        "-m",
        "tests.serving.server.fuzz.guided",
        target,
        "--runs",
        "3000",
        "--found",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert not list(tmp_path.rglob("crash-*"))
