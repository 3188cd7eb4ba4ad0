"""Where a benchmark leaves what it measured, with all that is needed to measure it again."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from digits.files import write_synced
from trainer.provenance import Provenance, describe_command


def record(found: Mapping[str, object], path: Path, module: str, argv: Sequence[str]) -> None:
    """Write what was found as JSON, with machine, versions, revision, date and the command.

    Args:
        found: what JSON can say.
        path: file to write.
        module: of the benchmark.
        argv: its arguments.
    """
    whole = {**found, **Provenance.now(describe_command(module, argv)).model_dump()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_synced(path, (json.dumps(whole, indent=2) + "\n").encode())
