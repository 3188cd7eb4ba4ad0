"""Which models are served from where: two flags, a file in TensorFlow Serving's text format, or the
same as a message."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2
from tensorflow_serving.config.file_system_storage_path_source_pb2 import (
    FileSystemStoragePathSourceConfig,
)

from digits.errors import SettingsError
from serving.server.config_files import parse_file
from serving.server.errors import InvalidArgumentError
from serving.server.settings import ServerSettings

Policy = Callable[[Sequence[int]], list[int]]
"""Picks from the versions that are there (ascending) those to serve."""

PLATFORM: Final = "tensorflow"


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
    root = settings.model_config_root
    return [
        replace(source, base=root / source.base.relative_to("/"))
        for source in read_file(settings.model_config_file)
    ]


def read_file(path: Path) -> list[ModelSource]:
    """The models that a configuration file names.

    Raises:
        SettingsError: it cannot be read or used.
    """
    try:
        return read_message(parse_file(path, model_server_config_pb2.ModelServerConfig()))
    except OSError as error:
        raise SettingsError(
            f"model_config_file: expected a readable file; received '{path}': {error.strerror}; "
            "check the path"
        ) from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"model_config_file: expected a model_config_list; received '{path}': {error}; fix "
            "the file"
        ) from error
    except InvalidArgumentError as error:
        raise SettingsError(f"model_config_file: {error.text}; fix the file '{path}'") from error


def read_message(
    config: model_server_config_pb2.ModelServerConfig, known: Collection[str] = ()
) -> list[ModelSource]:
    """The models that a configuration names.

    Args:
        config: the configuration.
        known: names of the models that are served already.

    Raises:
        InvalidArgumentError: it is no list of models, or a model in it cannot be served; worded as
            TensorFlow Serving does.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise InvalidArgumentError(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
            "ModelConfigList is currently supported"
        )
    models = config.model_config_list.config
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise InvalidArgumentError(
                f"Illegal to list model {name} multiple times in config list"
            )
    for model in models:
        _check_platform(model, known)
    for model in models:
        if not model.base_path.startswith("/"):
            raise InvalidArgumentError(
                f"Expected model {model.name} to have an absolute path or URI; got "
                f"base_path()={model.base_path}"
            )
    return [_read_model(model) for model in models]


def _check_platform(model: model_server_config_pb2.ModelConfig, known: Collection[str]) -> None:
    has_type = model.model_type != model_server_config_pb2.MODEL_TYPE_UNSPECIFIED
    if bool(model.model_platform) == has_type:
        which, link = ("both", "and") if has_type else ("neither", "nor")
        raise InvalidArgumentError(
            f"Illegal setting {which} ModelServerConfig::model_type (deprecated) {link} "
            f"ModelServerConfig::model_platform, model name is {model.name}"
        )
    platform = (
        PLATFORM if model.model_type == model_server_config_pb2.TENSORFLOW else model.model_platform
    )
    if platform != PLATFORM and model.name in known:
        raise InvalidArgumentError(
            f"Illegal to change a model's platform. For model {model.name} platform was "
            f"{PLATFORM} and new platform requested is {platform}"
        )
    if platform != PLATFORM:
        raise InvalidArgumentError(f"Model {model.name} requests unsupported platform {platform}")


def _read_model(model: model_server_config_pb2.ModelConfig) -> ModelSource:
    return ModelSource(
        model.name,
        Path(model.base_path),
        _read_policy(model.model_version_policy),
        dict(model.version_labels),
    )


def _read_policy(policy: FileSystemStoragePathSourceConfig.ServableVersionPolicy) -> Policy:
    kind = policy.WhichOneof("policy_choice")
    if kind == "all":
        return every
    if kind == "specific":
        return specific(policy.specific.versions)
    return latest(policy.latest.num_versions or 1)
