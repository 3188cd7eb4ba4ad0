"""Which models are served from where: two flags, or a file in TensorFlow Serving's text format."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import file_system_storage_path_source_pb2, model_server_config_pb2

from digits.errors import SettingsError
from serving.server.settings import ServerSettings

Policy = Callable[[Sequence[int]], list[int]]
"""Picks from the versions that are there (ascending) those to serve."""


def latest(count: int) -> Policy:
    """The `count` highest numbers."""
    return lambda found: list(found[-count:])


def every(found: Sequence[int]) -> list[int]:
    """All of them."""
    return list(found)


def specific(numbers: Sequence[int]) -> Policy:
    """These numbers and no others."""
    return lambda found: [number for number in found if number in numbers]


@dataclass(frozen=True)
class ModelSource:
    """One model: its name, its folder, which of its versions are served, and their labels."""

    name: str
    base: Path
    policy: Policy = field(default_factory=lambda: latest(1))
    labels: Mapping[str, int] = field(default_factory=dict)


def read_sources(settings: ServerSettings) -> list[ModelSource]:
    """The models that the settings name.

    Raises:
        SettingsError: the configuration file cannot be read or used.
    """
    if settings.model_base_path is not None:
        return [ModelSource(settings.model_name, settings.model_base_path)]
    assert settings.model_config_file is not None, "the settings allow no third way"
    sources = _read_file(settings.model_config_file)
    names = [source.name for source in sources]
    if not names or len(set(names)) != len(names) or not all(names):
        raise SettingsError("model_config_file: expected one or more models, each with its own name; received others; name each once")
    return sources


def _read_file(path: Path) -> list[ModelSource]:
    try:
        config = text_format.Parse(path.read_text(encoding="utf-8"), model_server_config_pb2.ModelServerConfig())
    except OSError as error:
        raise SettingsError(f"model_config_file: expected a readable file; received '{path}': {error.strerror}; check the path") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise SettingsError(f"model_config_file: expected a model_config_list; received '{path}': {error}; mend the file") from error
    return [_read_model(model) for model in config.model_config_list.config]


def _read_model(model: model_server_config_pb2.ModelConfig) -> ModelSource:
    if model.model_platform not in ("", "tensorflow"):
        raise SettingsError(
            f"model_config_file: expected model_platform 'tensorflow'; received '{model.model_platform}'; serve it with another server"
        )
    if not model.base_path:
        raise SettingsError(f"model_config_file: expected a base_path for model '{model.name}'; received none; add it")
    return ModelSource(model.name, Path(model.base_path), _read_policy(model.model_version_policy), dict(model.version_labels))


def _read_policy(policy: file_system_storage_path_source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy) -> Policy:
    kind = policy.WhichOneof("policy_choice")
    if kind == "all":
        return every
    if kind == "specific":
        return specific(policy.specific.versions)
    return latest(policy.latest.num_versions or 1)
