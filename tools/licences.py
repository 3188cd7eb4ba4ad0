"""Write `docs/licences.md`: what the images install and under which licence, as the packages' own
metadata say. `make licences`."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parent.parent
LOCKS: Final = ("trainer-cpu", "trainer-gpu", "server", "ui")
"""One an image."""
DOCUMENT: Final = ROOT / "docs" / "licences.md"
NOT_STATED: Final = "not stated"
_HEAD: Final = """# Licences of what the images install

On Linux x86_64 with Python 3.11, from the metadata of each package. Written by `make licences`; do
not edit. The base image brings Debian's packages, with their licences in
`/usr/share/doc/*/copyright`.

| package | version | licence | images |
| :-- | :-- | :-- | :-- |
"""
_LONGEST: Final = 60
"""Characters of a licence's name; some packages put the whole text in that place."""


def main() -> None:
    """Ask the package index about the locks and write the document."""
    pins = {lock: read_pins(ROOT / "requirements" / f"{lock}.txt") for lock in LOCKS}
    rows = []
    for metadata in fetch_metadata(sorted({pin for lines in pins.values() for pin in lines})):
        name, version = metadata["name"], metadata["version"]
        images = [
            lock for lock, lines in pins.items() if any(_is(pin, name, version) for pin in lines)
        ]
        rows.append(f"| {name} | {version} | {licence_of(metadata)} | {', '.join(images)} |\n")
    DOCUMENT.write_text(_HEAD + "".join(sorted(rows, key=str.lower)), encoding="utf-8")


def read_pins(lock: Path) -> list[str]:
    """The lock's requirements with their markers, without hashes: pip only reads metadata alone
    where it need not check files."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    return [
        re.split(r"\s+--hash", line)[0].strip()
        for line in text.splitlines()
        if line and not line.startswith("#")
    ]


def fetch_metadata(pins: list[str]) -> list[dict[str, Any]]:
    """Metadata of each pinned package that this machine would install, as pip reports it; nothing
    is installed."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, report = Path(folder, "pins.txt"), Path(folder, "report.json")
        wanted.write_text("\n".join(pins), encoding="utf-8")
        options = [
            "--dry-run",
            "--quiet",
            "--no-deps",
            "--ignore-installed",
            "--only-binary=:all:",
            "--report",
            str(report),
        ]
        subprocess.run(  # noqa: S603 - pip, on our own locks
            [sys.executable, "-m", "pip", "install", *options, "--requirement", str(wanted)],
            check=True,
        )
        return [
            item["metadata"] for item in json.loads(report.read_text(encoding="utf-8"))["install"]
        ]


def licence_of(metadata: dict[str, Any]) -> str:
    """The SPDX expression, else the classifiers, else the first line of the free text, else that
    none is stated."""
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in metadata.get("classifier", [])
        if line.startswith("License :: ")
    ]
    classifiers = [name for name in classifiers if name != "OSI Approved"]
    text = (metadata.get("license") or "").strip().partition("\n")[0][:_LONGEST]
    found = metadata.get("license_expression") or ", ".join(classifiers) or text or NOT_STATED
    return str(found).replace("|", "/")


def _is(pin: str, name: str, version: str) -> bool:
    """Whether this machine would install just this package for the pin: a lock names some for other
    machines."""
    wanted = Requirement(pin)
    here = wanted.marker is None or wanted.marker.evaluate()
    return (
        here
        and canonicalize_name(wanted.name) == canonicalize_name(name)
        and str(wanted.specifier) == f"=={version}"
    )


if __name__ == "__main__":
    main()
