"""Keep drawings that people put right, with what they are, in a folder that the trainer reads.

    FOLDER/images/LABEL/ID.png     28x28, as the model saw it: a data set in the trainer's layout of
    PNGs FOLDER/drawings/ID.png|jpg     as it was sent
    FOLDER/records/ID.json         label, answer, probabilities, model and version, day

ID is made of the drawing's own bytes, so the same drawing is kept once. Nothing tells who drew it.
"""

import datetime
import hashlib
import io
import json
import threading
from pathlib import Path
from typing import Final

from PIL import Image

from digits.contract import LABELS
from digits.files import write_synced
from serving.client import Drawing
from ui.drawing import Sheet
from ui.errors import CorrectionError

IMAGES: Final = "images"
DRAWINGS: Final = "drawings"
RECORDS: Final = "records"
_ID: Final = 16
"""Hexadecimal digits of SHA-256 in a name."""


class Corrections:
    """A folder of corrected drawings. Safe to share between threads."""

    def __init__(self, folder: Path, megabytes: float, model: str) -> None:
        """Keep in `folder`, made with the first drawing, at most so many megabytes of what `model`
        was asked."""
        self._folder = folder
        self._model = model
        self._most = int(megabytes * 1_000_000)
        self._lock = threading.Lock()

    def keep(self, sheet: Sheet, answer: Drawing, label: str, day: datetime.date) -> None:
        """Keep one drawing; with another label, the same drawing changes places.

        Args:
            sheet: as it was sent.
            answer: what the model made of it.
            label: what it is, by the person who drew it.
            day: when.

        Raises:
            CorrectionError: that is no label, the folder is full, or the disk refuses.
        """
        if label not in LABELS:
            raise CorrectionError(
                "Expected one of the ten digits; received something else. Nothing was kept."
            )
        name = hashlib.sha256(sheet.picture).hexdigest()[:_ID]
        record = {
            "label": label,
            "answer": answer.label,
            "probabilities": [round(float(value), 6) for value in answer.probabilities],
            "ood_score": answer.ood_score,
            "model": self._model,
            "version": answer.version,
            "day": day.isoformat(),
            "drawing": f"{DRAWINGS}/{name}.{sheet.kind}",
        }
        file = io.BytesIO()
        Image.fromarray(answer.image).save(file, "PNG")
        try:
            with self._lock:
                self._write(
                    name,
                    sheet,
                    label,
                    (json.dumps(record, indent=2) + "\n").encode(),
                    file.getvalue(),
                )
        except OSError as error:
            raise CorrectionError(
                "This page cannot write its folder of corrections. Nothing was kept."
            ) from error

    def _write(self, name: str, sheet: Sheet, label: str, record: bytes, image: bytes) -> None:
        """The image comes last: what stands among the images is complete."""
        if self._size() + len(sheet.picture) + len(record) + len(image) > self._most:
            raise CorrectionError("The folder of corrections is full. Nothing was kept.")
        place = self._folder / IMAGES / label
        for folder in (self._folder / DRAWINGS, self._folder / RECORDS, place):
            folder.mkdir(parents=True, exist_ok=True)
        write_synced(self._folder / DRAWINGS / f"{name}.{sheet.kind}", sheet.picture)
        write_synced(self._folder / RECORDS / f"{name}.json", record)
        write_synced(place / f"{name}.png", image)
        for other in (self._folder / IMAGES).glob(f"*/{name}.png"):
            if other.parent != place:
                other.unlink()

    def _size(self) -> int:
        return sum(file.stat().st_size for file in self._folder.rglob("*") if file.is_file())
