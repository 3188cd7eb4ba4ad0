"""Where a benchmark leaves what it measured, with all that is needed to measure it again."""

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from digits.files import write_synced
from trainer.environment import (
    describe_command,
    describe_machine,
    describe_revision,
    describe_versions,
)


def record(found: Mapping[str, object], path: Path, module: str, argv: Sequence[str]) -> None:
    """Write what was found as JSON, with machine, versions, revision, date and the command.

    Args:
        found: what JSON can say.
        path: file to write.
        module: of the benchmark.
        argv: its arguments.
    """
    whole = {
        **found,
        "machine": describe_machine(),
        "versions": describe_versions(),
        "code_revision": describe_revision(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": describe_command(module, argv),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_synced(path, (json.dumps(whole, indent=2) + "\n").encode())
