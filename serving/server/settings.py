"""Settings of the embedded server; names and spelling are those of `tensorflow_model_server` where it has the same."""

from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from digits.contract import MODEL_NAME
from digits.settings import Settings


class ServerSettings(Settings):
    """Serve published models over gRPC and REST, as TensorFlow Serving does."""

    program: ClassVar[str] = "python -m serving.server"
    env_prefix: ClassVar[str] = "INKWELL_SERVER_"
    bare_switches: ClassVar[bool] = False

    model_name: str = Field(default=MODEL_NAME, min_length=1, pattern=r"^[^/:]+$", description="name the model is asked for by")
    model_base_path: Path | None = Field(default=None, description="folder of the model, holding one folder per version")
    model_config_file: Path | None = Field(
        default=None, description="models in TensorFlow Serving's text format (model_config_list), instead of the two above"
    )
    require_manifest: bool = Field(
        default=True, description="serve only versions whose manifest fits every file; false: any complete SavedModel"
    )
    file_system_poll_wait_seconds: float = Field(
        default=1.0, ge=0, le=3600, description="seconds between two looks for new versions; 0 looks once, at the start"
    )

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0 is every one this machine has")
    port: int = Field(default=8500, ge=1, le=65535, description="port of gRPC")
    rest_api_port: int = Field(default=8501, ge=0, le=65535, description="port of REST; 0 leaves REST off")
    monitoring_config_file: Path | None = Field(
        default=None, description="TensorFlow Serving's monitoring configuration; opens a page of counts for Prometheus on the REST port"
    )
    rest_api_timeout_in_ms: int = Field(default=30_000, ge=1, le=3_600_000, description="milliseconds a REST call may take")

    max_message_bytes: int = Field(
        default=16 << 20, ge=1024, le=1 << 30, description="bytes of the largest gRPC request, and of the largest unpacked tensor"
    )
    rest_max_body_bytes: int = Field(default=8 << 20, ge=1024, le=1 << 30, description="bytes of the largest REST body, also after gunzip")
    max_batch_items: int = Field(default=4096, ge=1, description="items (images, drawings) in one call")
    max_running_calls: int = Field(default=16, ge=1, le=1024, description="Predict calls computed at the same time, gRPC and REST together")
    max_queued_calls: int = Field(
        default=128, ge=0, le=4096, description="Predict calls that may wait for one of those; further ones are refused at once"
    )
    grpc_max_threads: int = Field(
        default=192, ge=1, le=8192, description="threads that take gRPC calls in; more than running plus queued, or refusals wait too"
    )
    rest_api_num_threads: int = Field(default=192, ge=1, le=8192, description="threads that take REST calls in; see grpc_max_threads")
    enable_serialization_as_tensor_content: bool = Field(
        default=False, description="answer gRPC tensors as raw tensor_content instead of typed fields"
    )
    drain_seconds: float = Field(default=9.0, ge=0, le=600, description="seconds that calls in flight get to end after SIGTERM or SIGINT")

    @model_validator(mode="after")
    def _one_source_of_models(self) -> Self:
        if (self.model_base_path is None) == (self.model_config_file is None):
            raise ValueError("either --model_base_path or --model_config_file")
        return self
