"""Whether a GPU can be used here, with the standard library only: the part of `make doctor` that
looks for NVIDIA's driver and for what gives containers the GPU."""

from __future__ import annotations

from pathlib import Path

OLDEST_DRIVER = 525
"""Major number of the oldest NVIDIA driver that runs CUDA 12; the GPU lock brings CUDA 12.9.
Source: CUDA Compatibility, table 1."""


def check_driver(root: Path) -> tuple[bool, str]:
    """An NVIDIA driver new enough for the CUDA that comes with TensorFlow; read from /proc, since
    nvidia-smi may be absent.

    Args:
        root: folder that holds `dev` and `proc`.

    Returns:
        Whether it is there, and a sentence.
    """
    if (root / "dev/dxg").exists():
        return True, "an NVIDIA driver comes from Windows (WSL); its version is Windows' business"
    try:
        text = (root / "proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        return (
            False,
            "no NVIDIA driver is loaded (/proc/driver/nvidia/version is absent); install it from "
            "your distribution or NVIDIA",
        )
    number = next(
        (word for word in text.split() if word[0].isdigit() and word.count(".") >= 1), "0"
    )
    if int(number.split(".")[0]) < OLDEST_DRIVER:
        return (
            False,
            f"the NVIDIA driver is {number}; CUDA 12 needs {OLDEST_DRIVER} or later; update it",
        )
    if not (root / "dev/nvidiactl").exists():
        return (
            False,
            f"NVIDIA driver {number} is loaded, but /dev/nvidiactl is absent: no GPU is visible "
            "here",
        )
    return True, f"NVIDIA driver {number}, and a GPU is visible"


def check_container_gpu(root: Path) -> tuple[bool, str]:
    """Something that hands a GPU to a container: a CDI specification, or Docker's NVIDIA
    runtime.

    Args:
        root: folder that holds `etc` and `var`.

    Returns:
        Whether it is there, and a sentence.
    """
    for folder in ("etc/cdi", "var/run/cdi"):
        for spec in sorted((root / folder).glob("*")):
            if spec.suffix in (".yaml", ".yml", ".json") and "nvidia" in spec.read_text(
                encoding="utf-8", errors="replace"
            ):
                return (
                    True,
                    f"containers get the GPU through the CDI specification /{folder}/{spec.name}",
                )
    daemon = root / "etc/docker/daemon.json"
    if daemon.is_file() and "nvidia-container-runtime" in daemon.read_text(
        encoding="utf-8", errors="replace"
    ):
        return (
            True,
            "containers get the GPU through Docker's NVIDIA runtime (/etc/docker/daemon.json)",
        )
    return (
        False,
        "nothing hands a GPU to containers: install the NVIDIA container toolkit, then run "
        "`nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` (podman) or `nvidia-ctk runtime "
        "configure --runtime=docker` (docker)",
    )
