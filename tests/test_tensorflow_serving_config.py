"""The files for TensorFlow Serving, read the way it reads them: as text of the official messages."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from tensorflow_serving.config import model_server_config_pb2

from digits.contract import MODEL_NAME
from digits.settings import read
from serving.client.client import DRAWINGS_PER_CALL, IMAGES_PER_CALL
from serving.server.settings import ServerSettings

ROOT: Final = Path(__file__).parent.parent
CONFIG: Final = ROOT / "serving" / "tensorflow_serving"

_INT: Final = ".google.protobuf.Int64Value"
MESSAGES: Final[dict[str, dict[str, tuple[int, str]]]] = {
    "BatchingParameters": {
        "max_batch_size": (1, _INT),
        "batch_timeout_micros": (2, _INT),
        "max_enqueued_batches": (3, _INT),
        "num_batch_threads": (4, _INT),
        "allowed_batch_sizes": (6, "repeated int64"),
    },
    "PrometheusConfig": {"enable": (1, "bool"), "path": (2, "string")},
    "MonitoringConfig": {"prometheus_config": (1, ".test.PrometheusConfig")},
}
"""Messages that the official package leaves out, as far as ours use them.

Source: tensorflow/serving, session_bundle_config.proto and monitoring_config.proto.
"""

_FLAGS: Final = """
port grpc_socket_path rest_api_port rest_api_num_threads rest_api_timeout_in_ms rest_api_enable_cors_support enable_batching
allow_version_labels_for_unavailable_models batching_parameters_file enable_per_model_batching_parameters model_config_file
model_config_file_poll_wait_seconds model_name model_base_path num_load_threads num_unload_threads max_num_load_retries
load_retry_interval_micros file_system_poll_wait_seconds flush_filesystem_caches tensorflow_session_parallelism
tensorflow_session_config_file tensorflow_intra_op_parallelism tensorflow_inter_op_parallelism use_alts_credentials
ssl_config_file platform_config_file per_process_gpu_memory_fraction saved_model_tags grpc_channel_arguments grpc_max_threads
enable_model_warmup num_request_iterations_for_warmup version monitoring_config_file remove_unused_fields_from_bundle_metagraph
prefer_tflite_model num_tflite_pools num_tflite_interpreters_per_pool enable_signature_method_name_check
xla_cpu_compilation_enabled xla_gpu_compilation_enabled enable_profiler thread_pool_factory_config_file mixed_precision
skip_initialize_tpu enable_grpc_healthcheck_service enable_serialization_as_tensor_content
"""
"""Flags of tensorflow_model_server. Source: tensorflow/serving, model_servers/main.cc."""


def _field(name: str, number: int, kind: str) -> descriptor_pb2.FieldDescriptorProto:
    field = descriptor_pb2.FieldDescriptorProto(name=name, number=number, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
    if kind.startswith("repeated "):
        field.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    if kind.startswith("."):
        field.type, field.type_name = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE, kind
    else:
        field.type = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind.rsplit(maxsplit=1)[-1].upper()}")
    return field


def _read(path: Path, message: str) -> Any:  # noqa: ANN401 - the class is made from MESSAGES
    """Parse a file as the message; unknown fields and wrong types are errors."""
    file = descriptor_pb2.FileDescriptorProto(name="test.proto", package="test", syntax="proto3", dependency=[wrappers_pb2.DESCRIPTOR.name])
    for title, fields in MESSAGES.items():
        file.message_type.add(name=title, field=[_field(field, number, kind) for field, (number, kind) in fields.items()])
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    found = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"test.{message}"))()
    return text_format.Parse(path.read_text(encoding="utf-8"), found)


def _command(file: str) -> list[str]:
    command: list[str] = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["services"]["serving"]["command"]
    return command


def test_models_config_names_the_model_of_the_contract() -> None:
    text = (CONFIG / "models.config").read_text(encoding="utf-8")
    [model] = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == (MODEL_NAME, f"/models/{MODEL_NAME}", "tensorflow")


def test_batching_config_sizes_end_with_the_largest_batch() -> None:
    batching = _read(CONFIG / "batching.config", "BatchingParameters")
    sizes = list(batching.allowed_batch_sizes)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == batching.max_batch_size.value


def test_batching_config_takes_the_largest_call_of_the_client() -> None:
    assert _read(CONFIG / "batching.config", "BatchingParameters").max_batch_size.value >= max(IMAGES_PER_CALL, DRAWINGS_PER_CALL)


def test_monitoring_config_opens_the_default_path() -> None:
    prometheus = _read(CONFIG / "monitoring.config", "MonitoringConfig").prometheus_config
    assert (prometheus.enable, prometheus.path) == (True, "/monitoring/prometheus/metrics")


def test_config_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    (tmp_path / "batching.config").write_text("max_batch { value: 4 }\n")
    with pytest.raises(text_format.ParseError):
        _read(tmp_path / "batching.config", "BatchingParameters")


def test_compose_flags_are_those_of_tensorflow_serving() -> None:
    command = _command("compose.yaml")
    assert {flag.removeprefix("--").partition("=")[0] for flag in command} <= set(_FLAGS.split())
    files = [flag.partition("=/config/")[2] for flag in command if "=/config/" in flag]
    assert sorted(files) == sorted(path.name for path in CONFIG.iterdir())


def test_compose_flags_of_the_embedded_server_are_its_own() -> None:
    settings = read(ServerSettings, _command("compose.embedded.yaml"))
    assert (settings.port, settings.rest_api_port, settings.host) == (8500, 8501, "0.0.0.0")
