"""Settings of the embedded server; names and spelling are those of `tensorflow_model_server` where
it has the same."""

from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from digits.contract import MODEL_NAME
from serving.server.limits import LimitSettings


class ServerSettings(LimitSettings):
    """Serve published models over gRPC and REST, as TensorFlow Serving does."""

    program: ClassVar[str] = "python -m serving.server"
    env_prefix: ClassVar[str] = "INKWELL_SERVER_"
    bare_switches: ClassVar[bool] = False

    model_name: str = Field(
        default=MODEL_NAME,
        min_length=1,
        pattern=r"^[^/:]+$",
        description="name the model is asked for by",
    )
    model_base_path: Path | None = Field(
        default=None, description="folder of the model, holding one folder per version"
    )
    model_config_file: Path | None = Field(
        default=None,
        description="models in TensorFlow Serving's text format (model_config_list), instead of "
        "the two above",
    )
    model_config_root: Path = Field(
        default=Path("/"),
        description="folder that stands for / in the base paths of model_config_file, so that a "
        "file written for containers serves a checkout too",
    )
    model_config_file_poll_wait_seconds: float = Field(
        default=0.0,
        ge=0,
        le=3600,
        description="seconds between two readings of model_config_file; 0 reads it once, at the "
        "start",
    )
    allow_version_labels_for_unavailable_models: bool = Field(
        default=False,
        description="take labels of versions that do not answer yet; a call to such a label is "
        "NOT_FOUND",
    )
    enable_reload_config_request: bool = Field(
        default=False,
        description="obey HandleReloadConfigRequest, which lets every caller choose what is "
        "loaded from this machine",
    )
    saved_model_tags: str = Field(
        default="serve", min_length=1, description="tags of the graph to load, separated by commas"
    )
    max_num_load_retries: int = Field(
        default=5,
        ge=0,
        le=1000,
        description="times a version that was refused is tried again, besides when its files "
        "change",
    )
    load_retry_interval_micros: int = Field(
        default=60_000_000,
        ge=0,
        le=86_400_000_000,
        description="microseconds between two tries of a refused version",
    )
    enable_model_warmup: bool = Field(
        default=True, description="replay a version's recorded requests before it serves"
    )
    num_request_iterations_for_warmup: int = Field(
        default=0, ge=0, le=1000, description="times each recorded request is replayed; 0 is once"
    )
    require_manifest: bool = Field(
        default=True,
        description="serve only versions whose manifest fits every file; false: any complete "
        "SavedModel",
    )
    file_system_poll_wait_seconds: float = Field(
        default=1.0,
        ge=0,
        le=3600,
        description="seconds between two looks for new versions; 0 looks once, at the start",
    )

    file_verify_wait_seconds: float = Field(
        default=600.0,
        ge=0,
        le=86_400,
        description="seconds between two verifications of the files of a version that is served, "
        "against its manifest; 0 verifies them only when they are loaded",
    )

    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="address to listen on; 0.0.0.0 is every one this machine has",
    )
    port: int = Field(default=8500, ge=0, le=65535, description="port of gRPC; 0 leaves it off")
    grpc_socket_path: str = Field(
        default="", description="UNIX socket where gRPC is answered as well; empty: none"
    )
    ssl_config_file: Path | None = Field(
        default=None,
        description="TLS for gRPC: TensorFlow Serving's SSLConfig with key, certificate and "
        "perhaps a CA for clients",
    )
    grpc_max_streams_per_connection: int = Field(
        default=1024,
        ge=1,
        le=65_536,
        description="gRPC calls at once on one connection, those being cancelled among them; a "
        "client's library keeps further ones back",
    )
    grpc_channel_arguments: str = Field(
        default="",
        description="further options of the gRPC server as key=value, separated by commas",
    )
    enable_grpc_healthcheck_service: bool = Field(
        default=True,
        description="answer the standard health service: for the server, for each service, and "
        "for each model by name",
    )
    enable_grpc_reflection: bool = Field(
        default=True, description="tell callers such as grpcurl which services there are"
    )
    rest_api_port: int = Field(
        default=8501, ge=0, le=65535, description="port of REST; 0 leaves REST off"
    )
    monitoring_config_file: Path | None = Field(
        default=None,
        description="TensorFlow Serving's monitoring configuration; opens a page of counts for "
        "Prometheus on the REST port",
    )
    rest_api_timeout_in_ms: int = Field(
        default=30_000, ge=1, le=3_600_000, description="milliseconds a REST call may take"
    )

    rest_receive_seconds: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="seconds in which the head of a REST request must be there, and again its body",
    )
    rest_keep_alive_seconds: int = Field(
        default=120,
        ge=1,
        le=3600,
        description="seconds that a REST connection may stay open without a request; more than the "
        "proxy in front keeps its own idle ones",
    )
    rest_api_enable_cors_support: bool = Field(
        default=False, description="let pages of any origin call the REST API"
    )
    access_log: bool = Field(
        default=False, description="write a JSON line on stderr for every call"
    )

    max_batch_size: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="items that calls which wait while the model computes are joined into; 1 joins "
        "none; not used with enable_batching",
    )
    enable_batching: bool = Field(
        default=False, description="join calls into batches by TensorFlow's batch scheduler"
    )
    batching_parameters_file: Path | None = Field(
        default=None,
        description="TensorFlow Serving's BatchingParameters for enable_batching; none: its "
        "defaults",
    )
    enable_per_model_batching_parameters: bool = Field(
        default=False,
        description="a version's own batching_params.pbtxt goes before batching_parameters_file",
    )
    tensorflow_intra_op_parallelism: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="threads for one operation; 0: one where calls are joined, else TensorFlow "
        "chooses",
    )
    tensorflow_inter_op_parallelism: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="operations computed at once; 0: TensorFlow chooses, and with batching there "
        "is one for each batch besides",
    )
    enable_signature_method_name_check: bool = Field(
        default=False,
        description="classify and regress only by signatures that were exported for it",
    )
    version: bool = Field(
        default=False, description="write the versions of server and TensorFlow, and end"
    )

    grpc_max_threads: int = Field(
        default=192,
        ge=1,
        le=8192,
        description="threads that take gRPC calls in; more than running plus queued, or refusals "
        "wait too",
    )
    rest_api_num_threads: int = Field(
        default=192,
        ge=1,
        le=8192,
        description="threads that take large REST calls in; see grpc_max_threads",
    )
    enable_serialization_as_tensor_content: bool = Field(
        default=False,
        description="answer gRPC tensors as raw tensor_content instead of typed fields",
    )
    drain_seconds: float = Field(
        default=9.0,
        ge=0,
        le=600,
        description="seconds that calls in flight get to end after SIGTERM or SIGINT",
    )

    @model_validator(mode="after")
    def _flags_fit_together(self) -> Self:
        if not self.enable_batching and (
            self.batching_parameters_file or self.enable_per_model_batching_parameters
        ):
            raise ValueError("--enable_batching=true for batching parameters, or none of them")
        if not (self.port or self.grpc_socket_path or self.rest_api_port):
            raise ValueError("a protocol: --port, --grpc_socket_path or --rest_api_port")
        return self

    @model_validator(mode="after")
    def _one_source_of_models(self) -> Self:
        if self.version:
            return self
        if (self.model_base_path is None) == (self.model_config_file is None):
            raise ValueError("either --model_base_path or --model_config_file")
        return self
