"""What lies around the calls: TLS, a UNIX socket, health, reflection, the access log, zipped
answers, flags that cannot be followed."""

import ast
import gzip
import json
import shutil
import subprocess
import time
from importlib.metadata import files
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from tensorflow_serving.apis import predict_pb2

from digits.errors import SettingsError
from serving.server.flags import REFUSED, drop_idle_flags
from serving.server.grpc.tls import read_credentials
from serving.server.models.batching import read_batching
from tests.support.ports import free_port
from tests.support.server_fixtures import (
    SECONDS,
    Protocols,
    StartServer,
    ask,
    fault_of,
    start_protocols,
)

IMAGE = {"images": np.zeros((1, 28, 28), np.uint8)}


def predict_over(channel: grpc.Channel) -> int:
    """The version that answers."""
    path = "/tensorflow.serving.PredictionService/Predict"
    call = channel.unary_unary(
        path, predict_pb2.PredictRequest.SerializeToString, predict_pb2.PredictResponse.FromString
    )
    return int(call(ask(IMAGE), timeout=SECONDS, wait_for_ready=True).model_spec.version.value)


Certificate = tuple[str, str]
"""Key and certificate, as PEM."""


def make_certificate(
    folder: Path, name: str = "IP:127.0.0.1", *, expired: bool = False
) -> Certificate:
    """A key and a certificate that signs itself, for 127.0.0.1 unless another name is given."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=x -keyout key -out cert"
    )
    subprocess.run(
        [*command.split(), "-addext", f"subjectAltName={name}"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    if expired:
        again = "openssl x509 -in cert -days -1 -signkey key -out cert"
        subprocess.run(again.split(), cwd=folder, check=True, capture_output=True)
    return (folder / "key").read_text(), (folder / "cert").read_text()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def write_ssl_config(path: Path, certificate: Certificate, *, mutual: bool = False) -> Path:
    key, cert = (json.dumps(text) for text in certificate)
    path.write_text(
        f"server_key: {key} server_cert: {cert} custom_ca: {cert} client_verify: {mutual}"
    )
    return path


@pytest.mark.parametrize("mutual", [False, True])
def test_tls_answers_those_who_trust_it_and_if_told_only_those_it_trusts(
    mutual: bool, certificate: Certificate, toy_base: Path, tmp_path: Path
) -> None:
    key, cert = certificate
    file = write_ssl_config(tmp_path / "ssl.config", certificate, mutual=mutual)
    port = free_port()
    with start_protocols(
        model_base_path=toy_base, ssl_config_file=file, port=port, rest_api_port=0
    ):
        own = grpc.ssl_channel_credentials(cert.encode(), key.encode(), cert.encode())
        with grpc.secure_channel(f"127.0.0.1:{port}", own) as channel:
            assert predict_over(channel) == 1
        stranger = grpc.ssl_channel_credentials(cert.encode())
        with grpc.secure_channel(f"127.0.0.1:{port}", stranger) as channel:
            if mutual:
                assert is_refused(channel)
            else:
                assert predict_over(channel) == 1


def is_refused(channel: grpc.Channel) -> bool:
    code, _ = fault_of(
        lambda: channel.unary_unary("/tensorflow.serving.PredictionService/Predict", bytes, bytes)(
            b"", timeout=SECONDS
        )
    )
    return bool(code == grpc.StatusCode.UNAVAILABLE)


@pytest.mark.parametrize("fault", ["another authority", "another host", "expired", "no TLS at all"])
def test_tls_that_is_not_right_is_never_talked_to(
    fault: str, toy_base: Path, tmp_path: Path
) -> None:
    for folder in ("served", "other"):
        (tmp_path / folder).mkdir()
    host = "DNS:example.org" if fault == "another host" else "IP:127.0.0.1"
    served = make_certificate(tmp_path / "served", host, expired=fault == "expired")
    trusted = make_certificate(tmp_path / "other") if fault == "another authority" else served
    port = free_port()
    with start_protocols(
        model_base_path=toy_base,
        ssl_config_file=write_ssl_config(tmp_path / "ssl", served),
        port=port,
        rest_api_port=0,
    ):
        address = f"127.0.0.1:{port}"
        credentials = grpc.ssl_channel_credentials(trusted[1].encode())
        with (
            grpc.insecure_channel(address)
            if fault == "no TLS at all"
            else grpc.secure_channel(address, credentials) as channel
        ):
            assert is_refused(channel)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "server_key to be a PEM text"),
        ('server_key: "/etc/key.pem"', "paste the text, not its path"),
        (
            'server_key: "-----BEGIN" server_cert: "-----BEGIN" client_verify: true',
            "expected custom_ca",
        ),
        ("nonsense: 1", "expected a SSLConfig"),
    ],
)
def test_tls_file_that_cannot_be_used_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "ssl.config"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words):
        read_credentials(file)


def test_unix_socket_answers_beside_the_port(toy_base: Path, tmp_path: Path) -> None:
    socket = tmp_path / "grpc.sock"
    with (
        start_protocols(
            model_base_path=toy_base,
            grpc_socket_path=str(socket),
            port=0,
            rest_api_port=free_port(),
        ),
        grpc.insecure_channel(f"unix:{socket}") as channel,
    ):
        assert predict_over(channel) == 1


def check_health(protocols: Protocols, service: str) -> int:
    path = "/grpc.health.v1.Health/Check"
    call = protocols.channel.unary_unary(
        path,
        health_pb2.HealthCheckRequest.SerializeToString,
        health_pb2.HealthCheckResponse.FromString,
    )
    return int(
        call(
            health_pb2.HealthCheckRequest(service=service), timeout=SECONDS, wait_for_ready=True
        ).status
    )


def test_health_tells_of_the_server_and_of_each_model(protocols: Protocols) -> None:
    for service in ("", "digits", "PredictionService", "tensorflow.serving.PredictionService"):
        assert check_health(protocols, service) == health_pb2.HealthCheckResponse.SERVING
    assert fault_of(lambda: check_health(protocols, "other")) == (
        grpc.StatusCode.NOT_FOUND,
        "service name unknown",
    )


def test_model_without_a_version_is_not_ready(tmp_path: Path, start_server: StartServer) -> None:
    protocols = start_server(model_base_path=tmp_path / "absent")
    assert check_health(protocols, "digits") == health_pb2.HealthCheckResponse.NOT_SERVING
    ready = protocols.rest.get("/readyz")
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "models": {"digits": False}})
    assert protocols.rest.get("/livez").status_code == 200


def test_reflection_lists_the_services(protocols: Protocols) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(protocols.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (reply,) = stub.ServerReflectionInfo(iter([request]), timeout=SECONDS)
    names = {service.name for service in reply.list_services_response.service}
    assert {
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "grpc.health.v1.Health",
    } <= names


@pytest.mark.parametrize("name", ["prediction_service", "model_service"])
def test_reflection_describes_a_service_as_its_own_file_does(
    name: str, protocols: Protocols
) -> None:
    found = ProtoReflectionDescriptorDatabase(protocols.channel).FindFileByName(
        f"tensorflow_serving/apis/{name}.proto"
    )
    assert found == descriptor_pb2.FileDescriptorProto.FromString(compiled(name))


def compiled(name: str) -> bytes:
    """What the compiler wrote into a generated module that no longer loads."""
    (module,) = [
        file for file in files("tensorflow-serving-api") or [] if file.name == f"{name}_pb2.py"
    ]
    tree = ast.parse(Path(str(module.locate())).read_text(encoding="utf-8"))
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return max(texts, key=len).encode("latin1")


def test_long_answer_is_zipped_for_those_who_take_it_so(protocols: Protocols) -> None:
    body = json.dumps({"instances": np.zeros((64, 28, 28), int).tolist()}).encode()
    headers = {"Accept-Encoding": "gzip", "Content-Encoding": "gzip"}
    answer = protocols.rest.post(
        "/v1/models/digits:predict", content=gzip.compress(body), headers=headers
    )
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["predictions"]) == 64
    plain = protocols.rest.post(
        "/v1/models/digits:predict", content=body, headers={"Accept-Encoding": "identity"}
    )
    assert "content-encoding" not in plain.headers
    assert plain.json() == answer.json()


def test_access_log_has_a_json_line_for_every_call(
    toy_base: Path, start_server: StartServer, capsys: pytest.CaptureFixture[str]
) -> None:
    protocols = start_server(model_base_path=toy_base, access_log=True)
    protocols.predict(ask(IMAGE))
    protocols.rest.post("/v1/models/nope:predict", json={"instances": [1]})
    lines: list[dict[str, object]] = []
    until = time.monotonic() + SECONDS
    while len(lines) < 2 and time.monotonic() < until:  # a line follows its answer
        lines += [
            json.loads(line)
            for line in capsys.readouterr().err.splitlines()
            if "redict" in line and line.startswith("{")
        ]
    over_grpc, over_rest = sorted(lines, key=lambda line: str(line["protocol"]))
    assert (over_grpc["protocol"], over_grpc["code"], over_grpc["model"], over_grpc["version"]) == (
        "grpc",
        "OK",
        "digits",
        1,
    )
    assert (over_rest["protocol"], over_rest["code"], over_rest["model"], over_rest["version"]) == (
        "rest",
        "404",
        "nope",
        None,
    )


def test_list_of_models_tells_their_versions(protocols: Protocols) -> None:
    (model,) = protocols.rest.get("/v1/models").json()["models"]
    assert (model["name"], model["model_version_status"][0]["state"]) == ("digits", "AVAILABLE")


@pytest.mark.parametrize("name", REFUSED)
def test_flag_that_cannot_be_followed_is_refused_unless_it_asks_for_what_is_so(name: str) -> None:
    idle, reason = REFUSED[name]
    assert drop_idle_flags([f"--{name}={idle}", "--port=1"] if idle else ["--port=1"]) == [
        "--port=1"
    ]
    with pytest.raises(SettingsError, match="cannot be followed") as error:
        drop_idle_flags([f"--{name}=7"])
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_batch_size { value: 0 }", "one and more"),
        ("max_batch_size { value: 4 } allowed_batch_sizes: 2", "end with max_batch_size"),
        ("allowed_batch_sizes: 4 allowed_batch_sizes: 2 max_batch_size { value: 2 }", "that grow"),
        ("nonsense: 1", "expected a BatchingParameters"),
    ],
)
def test_batching_file_that_cannot_be_used_is_refused(
    text: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "batching.config"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words):
        read_batching(file, threads=2)
