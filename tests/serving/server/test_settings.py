"""Flags and configuration files: what is taken, and what is refused before anything starts."""

from pathlib import Path

import pytest

from digits.errors import SettingsError
from digits.settings import load, read
from serving.server.models.config import read_sources
from serving.server.settings import ServerSettings


def test_flags_are_spelled_as_tensorflow_model_server_has_them() -> None:
    argv = (
        "--model_name=digits --model_base_path=models/digits --port=9000 --rest_api_port=9001 "
        "--require_manifest=false"
    )
    settings = read(ServerSettings, argv.split())
    assert (settings.port, settings.rest_api_port, settings.require_manifest) == (9000, 9001, False)
    (source,) = read_sources(settings)
    assert (source.name, source.base, source.policy([1, 2, 3])) == (
        "digits",
        Path("models/digits"),
        [3],
    )


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "either --model_base_path or --model_config_file"),
        (
            ["--model_base_path=a", "--model_config_file=b"],
            "either --model_base_path or --model_config_file",
        ),
        (["--model_base_path=a", "--port=0", "--rest_api_port=0"], "a protocol"),
        (["--model_base_path=a", "--batching_parameters_file=b"], "--enable_batching=true"),
        (["--model_base_path=a", "--model_name=a/b"], "model_name: expected"),
        (["--model_base_path=a", "--no_such_flag=1"], "no_such_flag"),
    ],
)
def test_bad_flags_end_the_program_with_exit_code_2(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        load(ServerSettings, argv)
    assert exit_.value.code == 2
    assert words in capsys.readouterr().err


TWO_MODELS = """
model_config_list {
  config { name: "digits" base_path: "/models/digits" model_platform: "tensorflow"
    model_version_policy { specific { versions: 2 versions: 5 } }
    version_labels { key: "stable" value: 2 } }
  config { name: "conv3" model_platform: "tensorflow" base_path: "/models/conv3"
    model_version_policy { latest { num_versions: 2 } } }
  config { name: "conv5" model_type: TENSORFLOW base_path: "/models/conv5"
    model_version_policy { all {} } }
}
"""


def test_configuration_file_gives_models_policies_and_labels(tmp_path: Path) -> None:
    digits, conv3, conv5 = read_sources(
        ServerSettings(model_config_file=write(tmp_path, TWO_MODELS))
    )
    assert (digits.name, digits.base, dict(digits.labels)) == (
        "digits",
        Path("/models/digits"),
        {"stable": 2},
    )
    found = [1, 2, 3, 5]
    assert [source.policy(found) for source in (digits, conv3, conv5)] == [
        [2, 5],
        [3, 5],
        [1, 2, 3, 5],
    ]


def test_configuration_root_stands_for_the_root_of_its_base_paths(tmp_path: Path) -> None:
    file = write(tmp_path, TWO_MODELS)
    settings = ServerSettings(model_config_file=file, model_config_root=tmp_path)
    digits, *_ = read_sources(settings)
    assert digits.base == tmp_path / "models/digits"


def write(folder: Path, text: str) -> Path:
    file = folder / "models.config"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model_config_list {", "expected a model_config_list"),
        ("nonsense: 1", "expected a model_config_list"),
        ("", "Only ModelConfigList is currently supported"),
        (
            'model_config_list { config { name: "a" model_platform: "tensorflow" } }',
            "absolute path",
        ),
        (
            'model_config_list { config { name: "a" base_path: "x" model_platform: "tensorflow" } '
            "}",
            "absolute path",
        ),
        ('model_config_list { config { name: "a" base_path: "/x" } }', "Illegal setting neither"),
        (
            'model_config_list { config { name: "a" base_path: "/x" } config { name: "a" '
            'base_path: "/y" } }',
            "list model a multiple times",
        ),
        (
            'model_config_list { config { name: "a" base_path: "/x" model_platform: "torch" } }',
            "unsupported platform torch",
        ),
    ],
)
def test_configuration_file_that_cannot_be_used_is_refused(
    text: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=words):
        read_sources(ServerSettings(model_config_file=write(tmp_path, text)))


def test_absent_configuration_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="readable file"):
        read_sources(ServerSettings(model_config_file=tmp_path / "absent"))
