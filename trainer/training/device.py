"""Choose the device and the precision of a training, and make it repeatable, before TensorFlow
starts."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import keras
import tensorflow as tf

from trainer.errors import DeviceError

_STDERR: Final = 2
_PROCESSOR_FLAGS: Final = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""As Linux names them: AVX-512 and AMX on x86, bf16 on Arm."""
_FIRST_CAPABILITY: Final = (8, 0)
"""First compute capability of NVIDIA GPUs with bfloat16 tensor cores: Ampere."""

_NO_DRIVER: Final = b"failed call to cuInit"
"""What TensorFlow reports as an error on every machine without NVIDIA's driver."""

Arithmetic = Literal["float32", "bfloat16"]


def choose_device(device: str, seed: int, *, deterministic: bool) -> list[str]:
    """Set TensorFlow up for "auto", "cpu" or "gpu", and seed every generator.

    Returns:
        The name of each GPU that will be used; none on the processor.

    Raises:
        DeviceError: "gpu" was asked for and TensorFlow lists none.
    """
    with errors_without(_NO_DRIVER):
        gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise DeviceError(
            "expected a GPU; received none from TensorFlow; install the NVIDIA driver and "
            "container toolkit, or use --device auto or cpu"
        )
    if device == "cpu":
        gpus = []
        tf.config.set_visible_devices([], "GPU")
    for gpu in gpus:
        # Else TensorFlow takes the whole card at once.
        tf.config.experimental.set_memory_growth(gpu, True)
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    return [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus
    ]


@contextmanager
def errors_without(words: bytes) -> Iterator[None]:
    """Leave lines with `words` out of what the process, TensorFlow's C++ code included, writes to
    standard error meanwhile; the others follow at the end."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as written:
        stderr = os.dup(_STDERR)
        os.dup2(written.fileno(), _STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, _STDERR)
            os.close(stderr)
            written.seek(0)
            os.write(_STDERR, b"".join(line for line in written if words not in line))


def choose_precision(
    precision: Literal["auto", "float32", "bfloat16"], cpuinfo: Path = Path("/proc/cpuinfo")
) -> Arithmetic:
    """Decide "auto" for the device that TensorFlow will compute on; the others stand as they are.

    Args:
        precision: what was asked for.
        cpuinfo: what Linux says of the processor.
    """
    if precision != "auto":
        return precision
    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        capabilities = [
            tf.config.experimental.get_device_details(gpu).get("compute_capability") for gpu in gpus
        ]
        able = all(
            capability is not None and capability >= _FIRST_CAPABILITY
            for capability in capabilities
        )
    else:
        able = bool(_PROCESSOR_FLAGS & _flags(cpuinfo))
    return "bfloat16" if able else "float32"


def _flags(cpuinfo: Path) -> set[str]:
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:  # not Linux
        return set()
    return {
        flag
        for line in lines
        if line.lower().startswith(("flags", "features"))
        for flag in line.partition(":")[2].split()
    }
