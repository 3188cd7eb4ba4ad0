"""The run folder: everything one training leaves behind, bound to the settings and data it was made
with."""

import contextlib
import fcntl
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from digits.errors import StoreError
from digits.files import write_synced
from digits.store import check_writable
from trainer.context import Context
from trainer.data.dataset import DataSet
from trainer.data.split import Split
from trainer.errors import OutputError, ResumeError
from trainer.settings import TrainerSettings
from trainer.training.distribution import is_chief, wait_for_all

CONFIG: Final = "config.json"
LOCK: Final = ".lock"
TEACHERS: Final = "teachers.txt"
"""Holds the digest of the teachers' weights."""
ADDED: Final = "added.txt"
"""Holds the digest of the images that are added to those of the data set."""
START: Final = "start.txt"
"""Holds what a fine-tuning goes on from."""
_DECIDE_RESULT: Final = (
    "dataset",
    "recipe",
    "validation_size",
    "seed",
    "data_seed",
    "deterministic",
    "precision",
)
"""Settings under which the same weights come out; the others say where things lie, or which
networks to train."""


@contextlib.contextmanager
def open_run(context: Context, start: str | None = None) -> Iterator[None]:
    """Make the run's folder, or resume one made with the same settings and data; lock it within the
    block. The chief makes it, the other workers only check it.

    Args:
        context: the run.
        start: name of what a fine-tuning starts from, see `bind_start`.

    Raises:
        OutputError: the folder, or that of the models, cannot be written, or is locked.
        ResumeError: the folder belongs to another run.
    """
    settings, strategy = context.settings, context.strategy
    folder, identity = settings.folder(), _identity(settings, context.data)
    if not is_chief(strategy):
        wait_for_all(strategy)
        _compare(folder, identity)
        yield
        return
    _make(folder, settings)
    with lock_run_folder(folder):
        _bind_settings(folder, identity, settings)
        if start:
            bind_start(folder, start)
        bind_added(folder, context.split)
        wait_for_all(strategy)
        yield


def _make(folder: Path, settings: TrainerSettings) -> None:
    try:
        if settings.publish != "none":
            check_writable(settings.models / settings.model_name)
        folder.mkdir(parents=True, exist_ok=True)
    except StoreError as error:
        raise OutputError(str(error)) from error
    except OSError as error:
        raise _refusal(folder, error) from error


@contextlib.contextmanager
def lock_run_folder(folder: Path) -> Iterator[None]:
    """Lock the folder of a run against other trainings. The kernel unlocks it if we are killed.

    Raises:
        OutputError: another training has locked it, or it cannot be written.
    """
    try:
        file = (folder / LOCK).open("a")
    except OSError as error:
        raise _refusal(folder, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                f"expected a run folder for one training at a time; received '{folder}', where "
                "another is at work; wait for it, or choose another --run_dir"
            ) from error
        yield


def _bind_settings(folder: Path, identity: dict[str, Any], settings: TrainerSettings) -> None:
    """Bind the run to its settings and data. The folder must be locked: of two trainings that make
    it at once, the one that is refused must not leave its own."""
    content = {"identity": identity, "settings": settings.model_dump(mode="json")}
    if (folder / CONFIG).exists():
        _compare(folder, identity)
    try:
        write_synced(folder / CONFIG, _encode(content))
    except OSError as error:
        raise _refusal(folder, error) from error


def _refusal(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        f"expected a run folder that can be written; received '{folder}': {error.strerror}; "
        "choose another --run_dir"
    )


def bind_start(folder: Path, name: str) -> None:
    """Bind the run to what it goes on from: a version, and what is added to the images.

    Raises:
        ResumeError: the folder was begun from something else.
    """
    _bind(folder, START, name, "version and corrections", "choose another --run_dir")


def bind_teachers(folder: Path, digest: str) -> None:
    """Bind the run to its teachers: what was begun with some does not go on with others.

    Raises:
        ResumeError: the folder was begun with others.
    """
    _bind(
        folder,
        TEACHERS,
        digest,
        "teachers",
        "name those again with --teachers, or another --run_dir",
    )


def bind_added(folder: Path, parts: Split) -> None:
    """Bind the run to the images that are added to those of the data set, if there are any.

    Raises:
        ResumeError: the folder was begun with others.
    """
    if parts.added:
        images, labels = parts.x_train[-parts.added :], parts.y_train[-parts.added :]
        digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
        _bind(folder, ADDED, digest, "added images", "choose another --run_dir")


def _bind(folder: Path, file: str, value: str, what: str, advice: str) -> None:
    path = folder / file
    if path.exists() and path.read_text().strip() != value:
        raise ResumeError(
            f"expected the {what} that '{folder}' was begun with; received others; {advice}"
        )
    write_synced(path, f"{value}\n".encode())


def read_identity(folder: Path) -> dict[str, Any]:
    """What the run in `folder` is bound to: settings, data, teachers, start. Its checkpoints carry
    it too."""
    identity: dict[str, Any] = json.loads((folder / CONFIG).read_text())["identity"]
    further = {
        "teachers of the run": folder / TEACHERS,
        "start of the run": folder / START,
        "images added": folder / ADDED,
    }
    return identity | {
        name: path.read_text().strip() for name, path in further.items() if path.exists()
    }


def seed_of(folder: Path, settings: TrainerSettings, data: DataSet) -> int:
    """The seed of the run in `folder`, which must have been trained on the images that `settings`
    train on.

    Raises:
        ResumeError: there is no run, or its validation images are others: it would have learned
            some of ours by heart.
    """
    try:
        before = json.loads((folder / CONFIG).read_text())["identity"]
        seed = int(before["seed"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResumeError(
            f"expected the folder of a run of teachers; received '{folder}'; name another with "
            "--teachers"
        ) from error
    identity = _identity(settings, data)
    if any(before.get(name) != identity[name] for name in ("data", "data_seed", "validation_size")):
        raise ResumeError(
            f"expected teachers that never saw this run's validation images; received '{folder}', "
            "which has other data, --data_seed or --validation_size; train it with the same"
        )
    return seed


def _identity(settings: TrainerSettings, data: DataSet) -> dict[str, Any]:
    chosen = {name: getattr(settings, name) for name in _DECIDE_RESULT}
    return (
        chosen
        | settings.chosen_recipe().model_dump()
        | {"data": data.digests, "labels": list(data.labels)}
    )


def _compare(folder: Path, identity: dict[str, Any]) -> None:
    try:
        before = json.loads((folder / CONFIG).read_text())["identity"]
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise ResumeError(
            f"expected the {CONFIG} of a run in '{folder}'; received something else; choose "
            "another --run_dir"
        ) from error
    differences = [
        f"{name} {before.get(name)!r} then, {value!r} now"
        for name, value in identity.items()
        if before.get(name) != value
    ]
    if differences:
        raise ResumeError(
            f"expected the settings and data that '{folder}' was begun with; received others: "
            f"{'; '.join(differences)}; use those again, or another --run_dir"
        )


def _encode(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()
