"""Provenance: the machine, versions, revision, date and command behind every recorded value.

Nothing in it names a host, a user or a folder of the machine.
"""

import datetime
import os
import platform
import re
import shlex
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field

_CPU_FACTS: Final = Path("/proc/cpuinfo")
_FROM_ROOT: Final = re.compile(r"(^|[=,])/(?:[^,]*/)?(?=[^,/])")
"""All but the last name of each path from the root in an argument, which may hold several behind a
flag."""
_CODE: Final = (":(top)", ":(top,exclude)results")
"""What git compares with the commit."""


class Provenance(BaseModel):
    """Where measured values come from. Every record that holds some extends it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: str = Field(description="processor, cores, graphics cards and system")
    versions: dict[str, str] = Field(
        default_factory=dict,
        description="versions of Python and of the frameworks; not in older records",
    )
    code_revision: str = Field(description="revision of the code that ran")
    date: str = Field(description="day or time of the end, ISO 8601, UTC")
    command: str = Field(description="what to type to run it again")

    @classmethod
    def now(cls, command: str, gpus: Sequence[str] = ()) -> Self:
        """What is true of this process.

        Args:
            command: of `describe_command`.
            gpus: name of each GPU used; none for a run on the processor.
        """
        return cls(
            machine=describe_machine(gpus),
            versions=describe_versions(),
            code_revision=describe_revision(),
            date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            command=command,
        )


def describe_machine(gpus: Sequence[str] = ()) -> str:
    """Processor, cores, graphics cards and system in one line, such as `AMD EPYC 7B13, 2 cores,
    Linux x86_64`.

    Args:
        gpus: name of each GPU used; none for a run on the processor.
    """
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    count = "1 core" if cores == 1 else f"{cores} cores"
    return ", ".join([_processor(), count, *gpus, f"{platform.system()} {platform.machine()}"])


def _processor() -> str:
    """The processor's trade name where the system tells it, its family elsewhere."""
    try:
        facts = _CPU_FACTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        facts = ""
    names = (
        line.partition(":")[2].strip()
        for line in facts.splitlines()
        if line.startswith("model name")
    )
    return next(names, "") or platform.processor() or "unknown processor"


def describe_versions() -> dict[str, str]:
    """Versions of Python, TensorFlow, Keras and NumPy, by lower-case name; TensorFlow is not
    imported for it."""
    return {
        "python": platform.python_version(),
        "tensorflow": _first_installed("tensorflow", "tensorflow-cpu"),
        "keras": _first_installed("keras"),
        "numpy": _first_installed("numpy"),
    }


def describe_command(module: str, argv: Sequence[str]) -> str:
    """What to type to run `module` again. Of files named from the root only the names stay: where
    they lie is the machine's business."""
    return shlex.join(
        ["python", "-m", module, *(_FROM_ROOT.sub(r"\1", argument) for argument in argv)]
    )


def describe_revision(folder: Path = Path(__file__).parent) -> str:
    """The commit that the code in `folder` is at, with a mark if it was changed since; new results
    are no change of the code. "unknown" outside a checkout."""
    try:
        commit = _git(folder, "describe", "--always", "--abbrev=12")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", *_CODE)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{commit}-dirty" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    found = subprocess.run(  # noqa: S603 - arguments of this file only
        ["git", *arguments],  # noqa: S607 - whichever git the user has
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return found.stdout.strip()


def _first_installed(*distributions: str) -> str:
    for distribution in distributions:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "not installed"
