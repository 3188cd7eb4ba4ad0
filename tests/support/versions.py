"""Publish a version that needs no training, with the steps that the trainer takes."""

from collections.abc import Callable, Sequence
from pathlib import Path

from digits import promotion, store
from digits.manifest import Manifest, describe_files, write_manifest
from digits.promotion import Published
from digits.release_checks import Finding

FACTS = {
    "architecture": "conv3",
    "parameters": 1,
    "recipe": "toy",
    "config": {"epochs": 1},
    "seed": 1,
    "data": {"name": "toy"},
    "metrics": {"test": {"accuracy": 0.5}},
    "versions": {"python": "3.11"},
    "code_revision": "none",
    "created": "2026-01-01T00:00:00+00:00",
}
"""A manifest without its files."""


def write_version(folder: Path) -> None:
    """Fill `folder` with what passes for a version as long as nobody loads it."""
    (folder / "variables").mkdir()
    (folder / "saved_model.pb").write_bytes(bytes(range(256)) * 20)
    (folder / "variables" / "variables.index").write_bytes(b"index")
    write_manifest(Manifest.model_validate({**FACTS, "files": describe_files(folder)}), folder)


def passes(_served: Path | None, _new: Path) -> Sequence[Finding]:
    """Release checks that nothing fails."""
    return [Finding("toy", True, "as good")]


def refuses(_served: Path | None, _new: Path) -> Sequence[Finding]:
    """Release checks of which one always fails."""
    return [Finding("toy", True, "as good"), Finding("other", False, "worse")]


def publish(
    base: Path,
    write: Callable[[Path], None] = write_version,
    checks: promotion.ReleaseChecks = passes,
    why: str = "a toy",
    *,
    force: bool = False,
    last: Callable[[Path], object] = lambda _: None,
) -> Published:
    """Publish a version.

    Args:
        base: folder of the model.
        write: fills the empty folder it is given, manifest last.
        checks: the release checks.
        why: the reason, for the ledger.
        force: serve it whatever they find.
        last: may spoil the sealed folder before it appears.
    """
    with promotion.opened(base), store.staged(base) as folder:
        write(folder)
        store.seal(folder)
        last(folder)
        findings = checks(promotion.rival(base), folder)
        return promotion.publish(base, folder, findings, why, force=force)
