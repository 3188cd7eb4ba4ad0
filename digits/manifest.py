"""The manifest: what a version is, where it came from, and the SHA-256 of every file in it.

The file carries its own digest too, so one flipped bit anywhere in a version shows.
"""

import hashlib
import json
import re
import stat
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from digits.contract import LABELS, MANIFEST_FILE, MODEL_NAME
from digits.errors import VersionError

_CHUNK: Final = 1 << 20
_LARGEST_MANIFEST: Final = 4 << 20
"""Bytes; ours are about 5 KiB, so anything larger is not one of them."""


class FileEntry(BaseModel):
    """One file of a version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0, description="bytes")


class Manifest(BaseModel):
    """Where a version came from and what belongs to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = Field(default=1, ge=1, le=1, description="version of this layout")
    model_name: str = Field(default=MODEL_NAME, description="name the model is served under")
    labels: tuple[str, ...] = Field(
        default=LABELS, description="text of each class, in the order of `probabilities`"
    )
    architecture: str = Field(description="name of the network")
    parameters: int = Field(ge=0, description="number of weights, trainable or not")
    recipe: str = Field(description="name of the training recipe")
    config: dict[str, Any] = Field(description="every setting of the run")
    seed: int = Field(description="seed of the run")
    data: dict[str, str] = Field(
        description="name of the data set, and SHA-256 of each of its arrays"
    )
    temperature: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="what the exported graph divides the logits by; 1 where nothing was calibrated",
    )
    metrics: dict[str, dict[str, float]] = Field(
        description="accuracy, loss as trained, and scores of the calibrated probabilities, on "
        "validation and on test; "
        "freehand: accuracy on drawings of validation digits, their number, and the number of "
        "their family"
    )
    versions: dict[str, str] = Field(description="versions of Python and of the frameworks")
    code_revision: str = Field(description="revision of the code that trained it")
    released: bool = Field(
        default=False,
        description="came with Inkwell itself: a starting point, not a version that later ones are "
        "compared with",
    )
    created: str = Field(description="time of export, ISO 8601, UTC")
    files: dict[str, FileEntry] = Field(
        description="every file of the version but this one, by relative path"
    )


_LEFT_BEHIND: Final = re.compile(r"\.DS_Store|\._.+|\.nfs[0-9a-f]+|\.fuse_hidden[0-9a-f]+")
"""Names of files that macOS, NFS and FUSE put anywhere; nothing loads them."""


def describe_files(version: Path) -> dict[str, FileEntry]:
    """Hash every file below `version` except the manifest itself, by relative POSIX path; what file
    systems leave behind is not looked at.

    Raises:
        VersionError: something in the folder is neither a file nor a folder, or cannot be read.
    """
    entries = {}
    for path in _list(version):
        if _LEFT_BEHIND.fullmatch(path.name):
            continue
        name = path.relative_to(version).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise VersionError(
                f"expected only plain files; received '{name}', which is a link or a device; copy "
                "the file itself"
            )
        if path.is_file() and name != MANIFEST_FILE:
            entries[name] = _describe(path, name)
    return entries


def _list(version: Path) -> list[Path]:
    try:
        return sorted(version.rglob("*"))
    except OSError as error:
        raise VersionError(
            f"expected a readable version; received: {error.strerror}; check its permissions"
        ) from error


def _describe(path: Path, name: str) -> FileEntry:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_CHUNK):
                digest.update(block)
        return FileEntry(sha256=digest.hexdigest(), size=path.stat().st_size)
    except OSError as error:
        raise VersionError(
            f"expected a readable file; received '{name}': {error.strerror}; check its permissions"
        ) from error


def write_manifest(manifest: Manifest, version: Path) -> None:
    """Write `manifest` to its place inside the folder `version`."""
    path = version / MANIFEST_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_encode(manifest.model_dump(mode="json")))


def read_manifest(version: Path) -> Manifest:
    """Read and check the manifest of the folder `version`; its files are not looked at.

    Raises:
        VersionError: it is absent, altered, or of another layout.
    """
    path = version / MANIFEST_FILE
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):  # a pipe would be waited for
            raise OSError(f"{MANIFEST_FILE} is no file")
        if facts.st_size > _LARGEST_MANIFEST:
            raise VersionError(
                f"expected a manifest below {_LARGEST_MANIFEST} bytes; received a larger one; "
                "publish the version again"
            )
        content = path.read_bytes()
    except OSError as error:
        raise VersionError(
            f"expected {MANIFEST_FILE}; received a version without it; publish the version with "
            "this project's trainer"
        ) from error
    try:
        fields = json.loads(content)
        fields.pop("digest")
        if content != _encode(fields):
            raise ValueError
        return Manifest.model_validate(fields)
    except (
        ValueError,
        AttributeError,
        KeyError,
        TypeError,
        RecursionError,
        ValidationError,
    ) as error:
        raise VersionError(
            f"expected the {MANIFEST_FILE} that was published; received an altered or unknown "
            "one; publish the version again"
        ) from error


def verify(version: Path) -> Manifest:
    """Check that the folder `version` holds exactly the files its manifest lists, bit for bit.

    Returns:
        The manifest.

    Raises:
        VersionError: naming the first file that is missing, unexpected or altered.
    """
    manifest = read_manifest(version)
    found = describe_files(version)
    for name in sorted(manifest.files.keys() | found.keys()):
        if name not in found:
            raise VersionError(
                f"expected the file '{name}'; received a version without it; publish the version "
                "again"
            )
        if name not in manifest.files:
            raise VersionError(
                f"expected only files listed in the manifest; received '{name}' too; publish the "
                "version again"
            )
        if manifest.files[name] != found[name]:
            raise VersionError(
                f"expected '{name}' with SHA-256 {manifest.files[name].sha256[:12]}… and "
                f"{manifest.files[name].size} bytes; received {found[name].sha256[:12]}… and "
                f"{found[name].size} bytes; publish the version again"
            )
    return manifest


def _encode(fields: dict[str, Any]) -> bytes:
    """The one spelling of a manifest: sorted keys, two spaces, its own digest added, a newline at
    the end."""
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    return (json.dumps({**fields, "digest": digest}, sort_keys=True, indent=2) + "\n").encode()
