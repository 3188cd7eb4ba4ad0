"""Ask the vulnerability service about every lock: `make audit`. Exit codes: 0 none known, 1 some, 3
the service did not answer."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PROGRAM: Final = (sys.executable, "-m", "pip_audit")
_OPTIONS: Final = ("--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json")
FOUND: Final = 1
AWAY: Final = 3
_TIMEOUT: Final = 600.0
"""Seconds for one lock; the service is asked about each package."""


class AwayError(Exception):
    """The service did not answer; the text is the last thing that pip-audit said."""


def main(locks: Sequence[Path], program: Sequence[str] = PROGRAM) -> int:
    """Print what is known about the packages of `locks`; gives the exit code.

    Args:
        locks: requirement files with hashes.
        program: pip-audit, and what comes before its arguments.
    """
    findings: set[str] = set()
    for lock in locks:
        try:
            findings.update(audit(lock, program))
        except AwayError as error:
            said = f"({error})" if str(error) else ""
            print(
                f"expected an answer of the vulnerability service about {lock.name}; received "
                f"none {said}; try again where it is reachable",
                file=sys.stderr,
            )
            return AWAY
    for finding in sorted(findings):
        print(finding)
    print(f"{len(findings) or 'No'} known vulnerabilities in {len(locks)} locks.")
    return FOUND if findings else 0


def audit(lock: Path, program: Sequence[str] = PROGRAM) -> list[str]:
    """One line for each known vulnerability of the packages in `lock`.

    Raises:
        AwayError: the service did not answer.
    """
    command = [*program, *_OPTIONS, "--requirement", str(lock)]
    try:
        done = subprocess.run(  # noqa: S603 - our own tool on our own locks
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
        packages = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        raise AwayError(f"no answer in {_TIMEOUT:g} s") from None
    except ValueError:
        raise AwayError(done.stderr.strip().rpartition("\n")[2][:200]) from None
    return [
        f"{package['name']} {package['version']}: {fault['id']}, fixed in "
        f"{', '.join(fault['fix_versions']) or 'no version yet'}"
        for package in packages
        for fault in package.get("vulns", [])
    ]


if __name__ == "__main__":
    sys.exit(main(sorted((ROOT / "requirements").glob("*.txt"))))
