"""The files for TensorFlow Serving, read the way it reads them: as text of the official
messages."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from digits.contract import MODEL_NAME
from digits.errors import SettingsError
from digits.settings import read
from inkwell.demo import COMPARED
from serving.client.calls import DRAWINGS_PER_CALL, IMAGES_PER_CALL
from serving.server.config_files import read_config
from serving.server.settings import ServerSettings
from trainer.networks.architecture import ARCHITECTURES

ROOT: Final = Path(__file__).parents[2]
CONFIG: Final = ROOT / "serving" / "tensorflow_serving"

_FLAGS: Final = """
port grpc_socket_path rest_api_port rest_api_num_threads rest_api_timeout_in_ms
rest_api_enable_cors_support enable_batching allow_version_labels_for_unavailable_models
batching_parameters_file enable_per_model_batching_parameters model_config_file
model_config_file_poll_wait_seconds model_name model_base_path num_load_threads num_unload_threads
max_num_load_retries load_retry_interval_micros file_system_poll_wait_seconds
flush_filesystem_caches tensorflow_session_parallelism tensorflow_session_config_file
tensorflow_intra_op_parallelism tensorflow_inter_op_parallelism use_alts_credentials ssl_config_file
platform_config_file per_process_gpu_memory_fraction saved_model_tags grpc_channel_arguments
grpc_max_threads enable_model_warmup num_request_iterations_for_warmup version
monitoring_config_file remove_unused_fields_from_bundle_metagraph prefer_tflite_model
num_tflite_pools num_tflite_interpreters_per_pool enable_signature_method_name_check
xla_cpu_compilation_enabled xla_gpu_compilation_enabled enable_profiler
thread_pool_factory_config_file mixed_precision skip_initialize_tpu enable_grpc_healthcheck_service
enable_serialization_as_tensor_content
"""
"""Flags of tensorflow_model_server. Source: tensorflow/serving, model_servers/main.cc."""


def _batching() -> Any:
    return read_config(CONFIG / "batching.config", "BatchingParameters", "batching_parameters_file")


def _command(file: str) -> list[str]:
    command: list[str] = _services(file)["serving"]["command"]
    return command


def _services(file: str) -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["services"]
    return services


def _models() -> list[model_server_config_pb2.ModelConfig]:
    text = (CONFIG / "models.config").read_text(encoding="utf-8")
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    return list(config.model_config_list.config)


def test_models_config_names_the_model_of_the_contract_and_each_architecture() -> None:
    names = [MODEL_NAME, *ARCHITECTURES]
    assert [(model.name, model.base_path, model.model_platform) for model in _models()] == [
        (name, f"/models/{name}", "tensorflow") for name in names
    ]


def test_page_of_compose_demo_and_make_compares_each_architecture() -> None:
    compared = ",".join(ARCHITECTURES)
    page = _services("compose.yaml")["page"]["command"]
    assert page[page.index("--compare") + 1] == compared
    assert f"COMPARE ?= {compared}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert compared == COMPARED


def test_batching_config_sizes_end_with_the_largest_batch() -> None:
    batching = _batching()
    sizes = list(batching.allowed_batch_sizes)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == batching.max_batch_size.value


def test_batching_config_takes_the_largest_call_of_the_client() -> None:
    assert _batching().max_batch_size.value >= max(IMAGES_PER_CALL, DRAWINGS_PER_CALL)


def test_monitoring_config_opens_the_default_path() -> None:
    prometheus = read_config(
        CONFIG / "monitoring.config", "MonitoringConfig", "monitoring_config_file"
    ).prometheus_config
    assert (prometheus.enable, prometheus.path) == (True, "/monitoring/prometheus/metrics")


def test_config_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    (tmp_path / "batching.config").write_text("max_batch { value: 4 }\n")
    with pytest.raises(SettingsError, match='no field named "max_batch"'):
        read_config(tmp_path / "batching.config", "BatchingParameters", "batching_parameters_file")


def test_compose_flags_are_those_of_tensorflow_serving() -> None:
    command = _command("compose.batching.yaml")
    assert set(_command("compose.yaml")) < set(command)
    assert {flag.removeprefix("--").partition("=")[0] for flag in command} <= set(_FLAGS.split())
    files = [flag.partition("=/config/")[2] for flag in command if "=/config/" in flag]
    assert sorted(files) == sorted(path.name for path in CONFIG.glob("*.config"))


def test_compose_mounts_hold_every_file_that_the_flags_and_the_config_name() -> None:
    serving = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"][
        "serving"
    ]
    mounts = {
        inside: ROOT / outside
        for outside, inside, mode in (volume.split(":") for volume in serving["volumes"])
        if mode == "ro"
    }
    assert len(mounts) == len(serving["volumes"])
    named = [flag.partition("=")[2] for flag in serving["command"] if "_file=" in flag]
    named += [model.base_path for model in _models()]
    found = [mounts[f"/{path.split('/')[1]}"].joinpath(*path.split("/")[2:]) for path in named]
    assert [path for path in found if not path.exists()] == []


def test_compose_flags_of_the_embedded_server_are_its_own() -> None:
    settings = read(ServerSettings, _command("compose.embedded.yaml"))
    assert (settings.port, settings.rest_api_port, settings.host) == (8500, 8501, "0.0.0.0")
