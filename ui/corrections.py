"""Keep drawings that people put right, with what they are, in a folder that the trainer reads.

    FOLDER/images/LABEL/ID.png     28x28, as the model saw it: a data set in the trainer's layout
    FOLDER/drawings/ID.png|jpg     as it was sent
    FOLDER/records/ID.json         label, answer, probabilities, model and version, day

ID is made of the drawing's own bytes, so the same drawing is kept once. Nothing tells who drew it.
"""

import datetime
import hashlib
import io
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from PIL import Image

from digits.contract import LABELS
from digits.files import write_synced
from serving.client import Drawing
from ui.answers.drawing import Sheet
from ui.errors import CorrectionError

IMAGES: Final = "images"
DRAWINGS: Final = "drawings"
RECORDS: Final = "records"
_ID: Final = 16
"""Hexadecimal digits of SHA-256 in a name."""
_BLOCK: Final = 512
"""Bytes in which `stat` counts the blocks of a file. Source: POSIX, as Linux has it."""
_CLUSTER: Final = 4096
"""Bytes that the smallest file takes on most disks."""
_RECOUNT: Final = 60.0
"""Seconds after which a full folder is counted again: somebody may have made room."""


class Corrections:
    """A folder of corrected drawings. Safe to share between threads."""

    def __init__(
        self,
        folder: Path,
        megabytes: float,
        model: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep in `folder`, made with the first drawing, what `model` was asked; it may take so
        many megabytes of the disk."""
        self._folder = folder
        self._model = model
        self._most = int(megabytes * 1_000_000)
        self._clock = clock
        self._lock = threading.Lock()
        self._used: int | None = None
        """Bytes on the disk; None where they are not counted yet, or not any more."""
        self._counted = 0.0
        """When that was, by the clock."""

    def keep(self, sheet: Sheet, answer: Drawing, label: str, day: datetime.date) -> None:
        """Keep one drawing; with another label, the same drawing changes places.

        Args:
            label: what it is, by the person who drew it.

        Raises:
            CorrectionError: that is no label, the folder is full, or the disk refuses.
        """
        if label not in LABELS:
            raise CorrectionError(
                "Expected one of the ten digits; received something else. Nothing was kept."
            )
        name = _name(sheet)
        file = io.BytesIO()
        Image.fromarray(answer.image).save(file, "PNG")
        record = json.dumps(self._record(name, sheet, answer, label, day), indent=2) + "\n"
        # The image comes last: what stands among the images is complete.
        files = {
            self._folder / DRAWINGS / f"{name}.{sheet.kind}": sheet.picture,
            self._folder / RECORDS / f"{name}.json": record.encode(),
            self._folder / IMAGES / label / f"{name}.png": file.getvalue(),
        }
        others = [
            self._folder / IMAGES / other / f"{name}.png" for other in LABELS if other != label
        ]
        try:
            with self._lock:
                self._write(files, others)
        except OSError as error:
            self._used = None
            raise CorrectionError(
                "This page cannot write its folder of corrections. Nothing was kept."
            ) from error

    def take_back(self, sheet: Sheet) -> None:
        """Remove a drawing that was kept, if it was.

        Raises:
            CorrectionError: the disk refuses.
        """
        name = _name(sheet)
        files = [
            *(self._folder / IMAGES / label / f"{name}.png" for label in LABELS),
            self._folder / RECORDS / f"{name}.json",
            self._folder / DRAWINGS / f"{name}.{sheet.kind}",
        ]
        try:
            with self._lock:
                freed = sum(map(_on_disk, files))
                self._refuse_links(files)
                for file in files:
                    file.unlink(missing_ok=True)
                self._used = None if self._used is None else self._used - freed
        except OSError as error:
            self._used = None
            raise CorrectionError(
                "This page cannot write its folder of corrections. The drawing is still kept."
            ) from error

    def _record(
        self, name: str, sheet: Sheet, answer: Drawing, label: str, day: datetime.date
    ) -> dict[str, object]:
        return {
            "label": label,
            "answer": answer.label,
            "probabilities": [round(float(value), 6) for value in answer.probabilities],
            "ood_score": answer.ood_score,
            "model": self._model,
            "version": answer.version,
            "day": day.isoformat(),
            "drawing": f"{DRAWINGS}/{name}.{sheet.kind}",
        }

    def _write(self, files: dict[Path, bytes], others: Sequence[Path]) -> None:
        """Write `files` and remove `others`, the same image under other labels."""
        used = self._room_for(sum(_rounded(len(content)) for content in files.values()))
        folders = {file.parent for file in files} | {self._folder / IMAGES}
        touched = [*files, *others, *folders]
        before = sum(map(_on_disk, touched))
        self._refuse_links([*files, *others])
        for file, content in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            write_synced(file, content)
        for other in others:
            other.unlink(missing_ok=True)
        self._used = used + sum(map(_on_disk, touched)) - before

    def _refuse_links(self, files: Iterable[Path]) -> None:
        """The whole folder may be a link that the operator made; what lies in it may not."""
        folders = {file.parent for file in files} | {self._folder / IMAGES}
        if any(folder.is_symlink() for folder in folders):
            raise CorrectionError(
                "Expected plain folders in the folder of corrections; received a link. Nothing was "
                "changed."
            )

    def _room_for(self, size: int) -> int:
        """Bytes in use, where so many more fit. The folder is walked once, not for each drawing."""
        if self._used is None or (
            self._used + size > self._most and self._clock() - self._counted >= _RECOUNT
        ):
            self._used = _tree_on_disk(self._folder)
            self._counted = self._clock()
        if self._used + size > self._most:
            raise CorrectionError("The folder of corrections is full. Nothing was kept.")
        return self._used


def _name(sheet: Sheet) -> str:
    return hashlib.sha256(sheet.picture).hexdigest()[:_ID]


def _rounded(size: int) -> int:
    return -(-size // _CLUSTER) * _CLUSTER


def _on_disk(path: Path) -> int:
    """Bytes that a file takes on the disk; a link is not followed."""
    try:
        return path.lstat().st_blocks * _BLOCK
    except FileNotFoundError:
        return 0


def _tree_on_disk(folder: Path) -> int:
    return sum(
        _on_disk(Path(place) / name)
        for place, folders, names in os.walk(folder, followlinks=False)
        for name in (*folders, *names)
    )
