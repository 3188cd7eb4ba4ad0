"""A stand-in for the base image `python:3.11-slim-bookworm`, which no test may pull: Debian's own
Python 3.11 in the same place.

What differs: the interpreter is Debian's build, and pip is older. What the Dockerfiles rely on is
the same: Debian 12, `python` on the path, pip, venv.
The machine's certificates go in, so that pip inside trusts the package index that pip outside
trusts.
"""

import hashlib
import os
import ssl
import subprocess
from pathlib import Path
from typing import Final

from tests.containers.engine import Engine, EngineError

_PACKAGES: Final = "python3.11,python3.11-venv,python3-pip,ca-certificates"
_CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"
_STEPS: Final = (
    *("--variant=minbase", f"--include={_PACKAGES}", "--aptopt=Acquire::Languages none"),
    *(
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
    ),
    "--customize-hook=for name in python python3 python3.11; do ln -s /usr/bin/python3.11 "
    '"$1/usr/local/bin/$name"; done',
    f"--customize-hook=upload {{certificates}} {_CERTIFICATES}",
)
_ENVIRONMENT: Final = (
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8"
)
_TIMEOUT: Final = 1800.0
"""Seconds to fetch and unpack some hundred Debian packages on a busy machine."""


def stand_in(engine: Engine, workspace: Path) -> str:
    """Name of the stand-in image; made where the engine's storage has none of the same content.

    Args:
        engine: whose storage keeps it.
        workspace: folder for the archive while it is made.
    """
    certificates = _certificates()
    key = hashlib.sha256(
        "\n".join([*_STEPS, _ENVIRONMENT]).encode() + certificates.read_bytes()
    ).hexdigest()[:16]
    name = f"localhost/inkwell-stand-in:{key}"
    if not engine("images", "--quiet", name).strip():
        archive = workspace / "base.tar"
        _bootstrap(archive, certificates)
        engine(
            "import",
            f"--change={_ENVIRONMENT}",
            "--change=CMD python3",
            str(archive),
            name,
            timeout=_TIMEOUT,
        )
        archive.unlink()
    return name


def _certificates() -> Path:
    found = (
        os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or _CERTIFICATES
    )
    return Path(found)


def _bootstrap(archive: Path, certificates: Path) -> None:
    steps = [step.replace("{certificates}", str(certificates)) for step in _STEPS]
    done = subprocess.run(
        ["mmdebstrap", *steps, "bookworm", str(archive)],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise EngineError(f"mmdebstrap ended with {done.returncode}:\n{done.stderr[-4000:]}")
