"""The run folder: everything one training leaves behind, bound to the settings and data it was made with."""

import json
from pathlib import Path
from typing import Any, Final

from digits.errors import StoreError
from digits.store import check_writable, write_synced
from trainer.data import DataSet
from trainer.errors import OutputError, ResumeError
from trainer.settings import TrainerSettings

CONFIG: Final = "config.json"
_DECIDE_RESULT: Final = ("dataset", "recipe", "validation_size", "seed", "deterministic", "precision")
"""Settings under which the same weights come out; the others say where things lie, or which networks to train."""


def open_run(settings: TrainerSettings, data: DataSet) -> Path:
    """Make the run's folder, or go on in one made with the same settings and data.

    Returns:
        The folder.

    Raises:
        OutputError: the folder, or that of the models, cannot be written.
        ResumeError: the folder belongs to another run.
    """
    folder, identity = settings.folder(), _identity(settings, data)
    try:
        if settings.publish != "none":
            check_writable(settings.models / settings.model_name)
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CONFIG).exists():
            _compare(folder, identity)
        write_synced(folder / CONFIG, _encode({"identity": identity, "settings": settings.model_dump(mode="json")}))
    except StoreError as error:
        raise OutputError(str(error)) from error
    except OSError as error:
        raise OutputError(
            f"expected a run folder that can be written; received '{folder}': {error.strerror}; choose another --run_dir"
        ) from error
    return folder


def _identity(settings: TrainerSettings, data: DataSet) -> dict[str, Any]:
    chosen = {name: getattr(settings, name) for name in _DECIDE_RESULT}
    return chosen | settings.chosen_recipe().model_dump() | {"data": data.digests, "labels": list(data.labels)}


def _compare(folder: Path, identity: dict[str, Any]) -> None:
    try:
        before = json.loads((folder / CONFIG).read_text())["identity"]
    except (ValueError, KeyError, TypeError) as error:
        raise ResumeError(f"expected the {CONFIG} of a run in '{folder}'; received something else; choose another --run_dir") from error
    differences = [f"{name} {before.get(name)!r} then, {value!r} now" for name, value in identity.items() if before.get(name) != value]
    if differences:
        raise ResumeError(
            f"expected the settings and data that '{folder}' was begun with; received others: {'; '.join(differences)}; "
            "use those again, or another --run_dir"
        )


def _encode(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()
