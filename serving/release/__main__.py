"""python -m serving.release versions | examine | promote | rollback: which version is served, and
whether it deserves it.

Exit codes: 0 done; 1 refused, or the model folder cannot be used; 2 wrong usage.
"""

import functools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from digits import promotion, store
from digits.errors import StoreError
from digits.release_checks import Finding
from digits.settings import EXIT_BAD_SETTINGS, load
from serving.release.listing import list_versions
from serving.release.settings import ReleaseSettings

_COMMANDS: Final = ("versions", "examine", "promote", "rollback")
_REFUSED: Final = 1


def main() -> int:
    """Read the command and the settings, then do it."""
    word, flags = (
        (sys.argv[1], sys.argv[2:])
        if sys.argv[1:] and not sys.argv[1].startswith("-")
        else ("", sys.argv[1:])
    )
    settings = load(ReleaseSettings, flags)
    if word not in _COMMANDS or (word == "promote" and settings.version is None):
        wanted = (
            "promote --version=NUMBER" if word == "promote" else f"one of {', '.join(_COMMANDS)}"
        )
        print(
            f"{settings.program}: expected {wanted}; received {word or 'nothing'}; see --help",
            file=sys.stderr,
        )
        return EXIT_BAD_SETTINGS
    try:
        return _do(word, settings, settings.models / settings.model_name)
    except StoreError as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
        return _REFUSED


def _do(word: str, settings: ReleaseSettings, base: Path) -> int:
    match word:
        case "versions":
            print("\n".join(list_versions(base)))
            return 0
        case "examine":
            return _examine(settings, base)
        case "promote":
            return _promote(settings, base)
        case _:
            print(
                f"version {promotion.rollback(base, settings.why)} is served; servers follow at "
                "their next poll"
            )
            return 0


def _examine(settings: ReleaseSettings, base: Path) -> int:
    number = settings.version or store.served(base)
    if number is None:
        raise StoreError(
            f"expected a version of '{base.name}'; received a folder without one; publish one: "
            "`make train`"
        )
    folder, rival = store.folder_of(base, number), promotion.rival(base)
    findings = _check(settings, rival if rival != folder else None, folder)
    return 0 if all(finding.passed for finding in findings) else _REFUSED


def _promote(settings: ReleaseSettings, base: Path) -> int:
    assert settings.version is not None, "main saw to that"
    checks = functools.partial(_check, settings)
    refused = promotion.promote(base, settings.version, checks, settings.why, force=settings.force)
    if refused and not settings.force:
        print(
            f"version {settings.version} is not promoted; serve it all the same: make promote "
            f"VERSION={settings.version} FORCE=1"
        )
        return _REFUSED
    print(
        f"version {settings.version} is served{', forced' if refused else ''}; servers follow at "
        "their next poll"
    )
    return 0


def _check(settings: ReleaseSettings, served: Path | None, new: Path) -> Sequence[Finding]:
    """Run the release checks, and print what they found."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.modules["keras"] = None  # type: ignore[assignment] # TensorFlow would import it: a third of the start, for finished graphs
    from serving.release.examine import check_release  # noqa: PLC0415 - brings TensorFlow; listing and rolling back need none

    findings = check_release(settings.runtime, served, new)
    for finding in findings:
        print(f"{'ok     ' if finding.passed else 'refused'}  {finding.check}: {finding.text}")
    return findings


if __name__ == "__main__":
    sys.exit(main())
