"""Flags of `tensorflow_model_server` that have nothing to act on here: refused with the reason,
unless set to what is so anyway."""

from collections.abc import Sequence
from typing import Final

from digits.errors import SettingsError

_LOADS: Final = "after the start, versions are loaded and unloaded one at a time"
_LITE: Final = "TensorFlow Lite models are not served"
_GPU: Final = (
    "the embedded server computes on the CPU; serve on a GPU with TensorFlow Serving itself"
)
_SESSION: Final = (
    "there is no session to configure; see --tensorflow_intra_op_parallelism and "
    "--tensorflow_inter_op_parallelism"
)

REFUSED: Final = {
    "num_load_threads": ("0", _LOADS),
    "num_unload_threads": ("0", _LOADS),
    "flush_filesystem_caches": ("true", "nothing reads a version's files again once it is loaded"),
    "tensorflow_session_parallelism": ("0", _SESSION),
    "tensorflow_session_config_file": ("", _SESSION),
    "use_alts_credentials": (
        "false",
        "ALTS exists on Google's own network only; use --ssl_config_file",
    ),
    "platform_config_file": ("", "there is one platform, tensorflow"),
    "per_process_gpu_memory_fraction": ("0", _GPU),
    "remove_unused_fields_from_bundle_metagraph": (
        "true",
        "what is not needed of a graph is never kept",
    ),
    "prefer_tflite_model": ("false", _LITE),
    "num_tflite_pools": ("2", _LITE),
    "num_tflite_interpreters_per_pool": ("1", _LITE),
    "xla_cpu_compilation_enabled": ("false", "graphs run as they were exported"),
    "xla_gpu_compilation_enabled": ("false", _GPU),
    "enable_profiler": (
        "false",
        "there is no profiler service; see the metrics page (--monitoring_config_file)",
    ),
    "thread_pool_factory_config_file": ("", "TensorFlow's own thread pools are used"),
    "mixed_precision": ("", "the precision of a model is chosen when it is exported"),
    "skip_initialize_tpu": ("false", "there is no TPU to initialise"),
}
"""By name: the value that changes nothing, and why another cannot be had. Source: the flags of
tensorflow_model_server 2.20."""


def drop_idle_flags(argv: Sequence[str]) -> list[str]:
    """The command line without those flags of `tensorflow_model_server` that ask for what is so
    anyway.

    Raises:
        SettingsError: one asks for something else.
    """
    kept = []
    for word in argv:
        name, _, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in REFUSED:
            kept.append(word)
        elif not _same(value or "true", REFUSED[name][0]):
            idle, reason = REFUSED[name]
            raise SettingsError(
                f"{name}: expected '{idle}' or nothing; received '{value}'; this flag cannot be "
                f"followed: {reason}"
            )
    return kept


def _same(value: str, idle: str) -> bool:
    try:
        return float(value) == float(idle)
    except ValueError:
        return value.lower() == idle
