"""Anything at all in the files that the server reads when it starts: it is taken, or refused in one
line that names the flag."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digits.errors import SettingsError
from serving.server.grpc.tls import read_credentials
from serving.server.models.batching import read_batching
from serving.server.models.config import read_file
from serving.server.monitoring.middleware import read_metrics_path
from tests.serving.server.fuzz.mutants import text_mutants
from tests.serving.server.fuzz.oracle import check_text

TOKENS = (
    *(
        "{",
        "}",
        "<",
        ">",
        ":",
        ",",
        ";",
        '"',
        "'",
        "#",
        "\\",
        "\n",
        "\x00",
        "é",
        "[",
        "]",
        "-1",
        "0",
        "9" * 20,
        "1e9",
        "true",
        "nan",
    ),
    *(
        "/",
        "..",
        'name: "a"',
        "value",
        "[type.googleapis.com/x] {}",
        "tensorflow",
        'model_platform: "tensorflow"',
        "\\377",
        "\\000",
    ),
)
FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "model_config_file": (
        read_file,
        'model_config_list { config { name: "digits" base_path: "/models/digits" model_platform: '
        '"tensorflow" '
        'model_version_policy { specific { versions: 2 } } version_labels { key: "stable" value: '
        "2 } } }",
    ),
    "batching_parameters_file": (
        lambda path: read_batching(path, threads=2),
        "max_batch_size { value: 64 } batch_timeout_micros { value: 2000 } max_enqueued_batches { "
        "value: 100 } "
        "num_batch_threads { value: 2 } allowed_batch_sizes: 8 allowed_batch_sizes: 64 "
        "enable_large_batch_splitting { value: true }",
    ),
    "monitoring_config_file": (
        read_metrics_path,
        'prometheus_config { enable: true path: "/metrics" }',
    ),
    "ssl_config_file": (
        read_credentials,
        'server_key: "-----BEGIN PRIVATE KEY-----\\nMC4C\\n-----END PRIVATE KEY-----" '
        'server_cert: "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----" custom_ca: '
        '"" client_verify: false',
    ),
}
CONTENTS = st.sampled_from(sorted(FILES)).flatmap(
    lambda flag: st.tuples(st.just(flag), text_mutants([FILES[flag][1]], TOKENS))
)


@settings(deadline=None)
@given(file=CONTENTS)
@example(file=("model_config_file", b'model_config_list { config { name: "\\\x00" } }'))
def test_any_content_of_a_file_is_taken_or_refused_naming_the_flag(
    tmp_path_factory: pytest.TempPathFactory, file: tuple[str, bytes]
) -> None:
    flag, content = file
    path = tmp_path_factory.getbasetemp() / flag
    path.write_bytes(content)
    try:
        FILES[flag][0](path)
    except SettingsError as error:
        assert str(error).startswith(f"{flag}: "), error
        check_text(str(error).replace(str(path), ""))  # the operator's own words come back
