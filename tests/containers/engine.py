"""podman with a storage of its own: nothing of the user's images, networks or settings is touched,
and layers are kept for the next run.

It works as root in a plain virtual machine, without systemd and without a registry: the settings
below say how.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PROGRAMS: Final = ("podman", "runc", "mmdebstrap", "iptables")
NETWORK_PROGRAMS: Final = (Path("/usr/lib/podman/netavark"), Path("/usr/lib/podman/aardvark-dns"))
CACHE: Final = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inkwell-containers"
)
_RUN: Final = Path("/run/inkwell-containers")
"""State of what runs; gone with a restart of the machine, as podman expects."""
_MOST: Final = {"nofile": 8192, "nproc": 16384}
"""Limits of each container; podman's own defaults are above what a root without CAP_SYS_RESOURCE
may set."""
_TIMEOUT: Final = 300.0
"""Seconds for one call of podman; builds and trainings name their own."""
LOCKED_DOWN: Final = (
    *(
        "--read-only",
        "--read-only-tmpfs=false",
        "--tmpfs=/tmp:size=512m,mode=1777",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
    ),
    *("--init", "--memory=4g", "--pids-limit=1024"),
)
"""What compose.yaml asks for each service, as flags of `podman run`."""


def missing() -> str | None:
    """Why no container can be run here, as one sentence; None if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return (
            "expected root on Linux, to build images without a registry; run the tests as "
            "root, or let CI do it"
        )
    absent = [name for name in PROGRAMS if shutil.which(name) is None] + [
        path.name for path in NETWORK_PROGRAMS if not path.exists()
    ]
    if absent:
        return (
            f"expected {', '.join(absent)}; not installed; on Debian install what .ci/run installs"
        )
    return None


def prepare() -> "Engine":
    """An engine over the cache folder; makes the folder where it is absent.

    Raises:
        EngineError: podman does not work here.
    """
    for folder in (CACHE / "tmp", CACHE / "networks", _RUN):
        folder.mkdir(parents=True, exist_ok=True)
    settings = CACHE / "containers.conf"
    settings.write_text(_settings(), encoding="utf-8")
    program = CACHE / "podman"
    program.write_text(
        f"#!/bin/sh\nexport CONTAINERS_CONF={settings} TMPDIR={CACHE}/tmp DISABLE_HC_SYSTEMD=true\n"
        f"exec {shutil.which('podman')} --root {CACHE}/storage --runroot {_RUN}/storage "
        f"--tmpdir {_RUN}/libpod "
        '"$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    engine = Engine(program)
    engine("info")
    return engine


def _settings() -> str:
    limits = []
    for name, most in _MOST.items():
        hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        limits.append(f'"{name}={value}:{value}"')
    return f"""[containers]
default_ulimits = [{", ".join(limits)}]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
[network]
network_backend = "netavark"
network_config_dir = "{CACHE}/networks"
"""


class EngineError(Exception):
    """A call of podman failed; the text holds the call and what it said last."""


@dataclass(frozen=True)
class Container:
    """One container that was started."""

    engine: "Engine"
    name: str

    def port(self, inside: int) -> int:
        """The port on 127.0.0.1 that leads to `inside`."""
        return int(self.engine("port", self.name, f"{inside}/tcp").strip().rpartition(":")[2])

    def logs(self) -> str:
        """What it wrote so far to both streams."""
        found = subprocess.run(
            [self.engine.program, "logs", self.name],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=True,
        )
        return found.stdout + found.stderr

    def stop(self, seconds: int = 60) -> int:
        """Send the image's stop signal, wait for the end and give the exit code; 137 if it had to
        be killed."""
        self.engine("stop", f"--time={seconds}", self.name, timeout=seconds + _TIMEOUT)
        return int(self.engine("inspect", "--format={{.State.ExitCode}}", self.name))


@dataclass(frozen=True)
class Engine:
    """podman, called with its arguments."""

    program: Path
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    """In every name, so that two runs of the tests on one machine do not meet."""

    def __call__(
        self, *arguments: str, timeout: float = _TIMEOUT, stdin: Path | None = None
    ) -> str:
        """Run podman with `arguments`; gives its standard output.

        Raises:
            EngineError: it ended with another code than 0.
        """
        with open(stdin or os.devnull, "rb") as source:
            done = subprocess.run(
                [self.program, *arguments],
                stdin=source,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        if done.returncode != 0:
            raise EngineError(
                f"podman {' '.join(arguments)} ended with "
                f"{done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}"
            )
        return done.stdout

    def finish(
        self, image: str, *arguments: str, options: Sequence[str] = (), timeout: float = _TIMEOUT
    ) -> tuple[int, str]:
        """Run a container to its end under the lock-down; its exit code and what it wrote to both
        streams."""
        command = [str(self.program), "run", "--rm", *LOCKED_DOWN, *options, image, *arguments]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @contextmanager
    def running(
        self, image: str, *arguments: str, options: Sequence[str] = ()
    ) -> Iterator[Container]:
        """A container under the lock-down, removed in the end. Where the test failed, its log comes
        with the failure."""
        image_name = re.sub(r"[^a-z]", "-", image.rpartition("/")[2])
        name = f"inkwell-{self.run_id}-{image_name}-{uuid.uuid4().hex[:6]}"
        self("run", "--detach", f"--name={name}", *LOCKED_DOWN, *options, image, *arguments)
        container = Container(self, name)
        try:
            yield container
        except BaseException as error:
            error.add_note(f"log of {name}:\n{container.logs()[-4000:]}")
            raise
        finally:
            self("rm", "--force", "--time=10", name)

    @contextmanager
    def network(self, *options: str) -> Iterator[str]:
        """A network whose containers know each other by name."""
        name = f"inkwell-{self.run_id}-{uuid.uuid4().hex[:6]}"
        self("network", "create", *options, name)
        try:
            yield name
        finally:
            self("network", "rm", "--force", name)
