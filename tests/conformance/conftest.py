"""Reference models, made once and kept; servers, one a setup."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
import tensorflow as tf

from tests.conformance.recordings import HERE
from tests.conformance.stage import (
    RECORDINGS,
    TARGET,
    Open,
    Protocols,
    embedded,
    protocols_of,
    read_setups,
    write_setup,
)

_MAKE_MODELS: Final = HERE / "make_models.py"
_BUILD: Final = HERE.parents[1] / "build"


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder with the reference models; made again when their script or TensorFlow changes."""
    key = hashlib.sha256(_MAKE_MODELS.read_bytes() + tf.__version__.encode()).hexdigest()[:16]
    folder = _BUILD / f"conformance-{key}"
    _BUILD.mkdir(exist_ok=True)
    with (_BUILD / "conformance.lock").open("w") as lock:  # two runs at once make them once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            draft = folder.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            subprocess.run(
                [sys.executable, str(_MAKE_MODELS), str(draft)], check=True, capture_output=True
            )
            draft.rename(folder)
    return folder


@pytest.fixture(scope="session")
def open_stage(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """The server of a setup, started when first asked for; of `reload`, one at a time."""
    setups = read_setups(RECORDINGS)
    with ExitStack() as lasting, ExitStack() as passing:
        opened: dict[tuple[str, str], Protocols] = {}

        def open_(stage: tuple[str, str]) -> Protocols:
            if stage not in opened:
                setup, group = stage
                if TARGET:
                    opened[stage] = lasting.enter_context(protocols_of(*TARGET.split(",")))
                else:
                    if group:
                        passing.close()
                    flags = write_setup(setups[setup], models, tmp_path_factory.mktemp(setup))
                    opened[stage] = (passing if group else lasting).enter_context(embedded(flags))
            return opened[stage]

        yield open_
