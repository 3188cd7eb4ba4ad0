"""Compare two published versions by the release checks."""

from pathlib import Path

from digits.errors import VersionError
from digits.manifest import read_manifest
from digits.release_checks import Facts, Finding, compare
from saved_model.graph import read_signatures


def compare_versions(served: Path | None, new: Path) -> list[Finding]:
    """The release checks of the version in `new` against the one in `served`.

    Args:
        served: folder of the version that is served now, if there is one; one that cannot be read
            is not compared with.
        new: folder of the version that is to be served.

    Raises:
        VersionError: the new version cannot be read.
    """
    candidate = _facts(new)
    try:
        now = _facts(served) if served else None
    except VersionError as error:
        unreadable = f"the served version cannot be compared with: {error}"
        return [*compare(None, candidate), Finding("served", True, unreadable)]
    return compare(now, candidate)


def _facts(folder: Path) -> Facts:
    return Facts(read_manifest(folder), read_signatures(folder))
