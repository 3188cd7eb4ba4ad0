"""Certificates and tokens, the same through both protocols, from Python and on the command line."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from digits.contract import MODEL_NAME
from serving.client import Access, ClientError, InvalidRequestError, UnavailableError, connect
from serving.client.__main__ import main
from serving.client.transport.access import read_headers
from tests.support.client_doubles import Play, Stage, grpc_double, rest_double

IMAGE = np.zeros((1, 28, 28), np.uint8)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `key` and `cert`, which signs itself, and the same of a stranger."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificates, is not installed")
    folder = tmp_path_factory.mktemp("tls")
    for prefix in ("", "other-"):
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
            f"-subj /CN=x -addext subjectAltName=IP:127.0.0.1 -keyout {prefix}key -out {prefix}cert"
        )
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(params=["grpc", "rest"], scope="module")
def protocol(request: pytest.FixtureRequest, pem: Path) -> Iterator[tuple[Stage, str]]:
    """A server that takes only callers with the certificate."""
    stage, key, cert = Stage(), pem / "key", pem / "cert"
    if request.param == "grpc":
        credentials = grpc.ssl_server_credentials(
            [(key.read_bytes(), cert.read_bytes())], cert.read_bytes(), require_client_auth=True
        )
        with grpc_double(stage, credentials=credentials) as address:
            yield stage, address
        return
    tls: dict[str, Any] = {
        "ssl_keyfile": key,
        "ssl_certfile": cert,
        "ssl_ca_certs": str(cert),
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
    }
    with rest_double(stage, tls) as address:
        yield stage, address


@pytest.fixture
def play(protocol: tuple[Stage, str]) -> Play:
    protocol[0].play = Play(token="Bearer secret")
    return protocol[0].play


def access(pem: Path, **changes: Any) -> Access:
    fields: dict[str, Any] = {
        "ca": pem / "cert",
        "certificate": pem / "cert",
        "key": pem / "key",
        "headers": {"authorization": "Bearer secret"},
    }
    return Access(**fields | changes)


def test_tls_with_certificate_and_token_is_answered(
    protocol: tuple[Stage, str], play: Play, pem: Path
) -> None:
    play.labels = tuple("abcdefghij")
    with connect(protocol[1], access=access(pem), deadline=30) as client:
        assert client.predict(IMAGE)[0].label == "a"
        assert client.status()
        assert client.wait(30)


@pytest.mark.parametrize(
    "changes", [{"certificate": None, "key": None}, {"ca": None}], ids=["no certificate", "no CA"]
)
def test_tls_that_one_side_does_not_trust_is_unavailable(
    changes: dict[str, None], protocol: tuple[Stage, str], play: Play, pem: Path
) -> None:
    with (
        connect(protocol[1], access=access(pem, **changes), deadline=2) as client,
        pytest.raises(UnavailableError, match=r"expected a server at (grpcs|https)://127"),
    ):
        client.predict(IMAGE)
    assert play.calls == []


def test_tls_from_a_stranger_is_unavailable(
    protocol: tuple[Stage, str], play: Play, pem: Path
) -> None:
    stranger = {"certificate": pem / "other-cert", "key": pem / "other-key"}
    with (
        connect(protocol[1], access=access(pem, **stranger), deadline=2) as client,
        pytest.raises(UnavailableError),
    ):
        client.predict(IMAGE)


def test_call_without_the_token_is_refused(
    protocol: tuple[Stage, str], play: Play, pem: Path
) -> None:
    with (
        connect(protocol[1], access=access(pem, headers={}), deadline=30) as client,
        pytest.raises(ClientError, match=r"401|UNAUTHENTICATED"),
    ):
        client.predict(IMAGE)


def test_command_line_reads_certificates_and_token_from_files(
    protocol: tuple[Stage, str],
    play: Play,
    pem: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "headers").write_text("Authorization: Bearer secret\n")
    files = {"ca": "cert", "certificate": "cert", "key": "key"}
    flags = [f"--{name}={pem / file}" for name, file in files.items()]
    words = ["inkwell", "status", f"--server={protocol[1]}", f"--headers_file={tmp_path}/headers"]
    monkeypatch.setattr("sys.argv", [*words, *flags])
    assert main() == 0
    assert play.calls == ["status"]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"key": None}, "a client certificate together with its key"),
        ({"ca": Path("absent.pem")}, "a readable PEM file; received 'absent.pem': No such file"),
        ({"ca": Path(__file__)}, "a PEM file; received"),
        ({"headers": {"Authorization": "x"}}, "headers with names in small letters"),
        ({"headers": {"authorization": "a\nb"}}, "headers with .* values in printable ASCII"),
    ],
)
def test_access_that_cannot_be_used_is_refused(wrong: dict[str, Any], text: str, pem: Path) -> None:
    for server in ("grpcs://localhost:8500", "https://localhost:8501"):
        with pytest.raises(InvalidRequestError, match=f"expected {text}"):
            connect(server, model=MODEL_NAME, access=access(pem, **wrong))


def test_certificate_with_the_key_of_another_is_refused(pem: Path) -> None:
    with pytest.raises(InvalidRequestError, match="certificates that fit together"):
        connect("grpcs://localhost:8500", access=access(pem, key=pem / "other-key"))


def test_headers_file_with_a_line_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("authorization: Bearer a:b\n\nx-team:  ink \n")
    assert read_headers(file) == {"authorization": "Bearer a:b", "x-team": "ink"}
    file.write_text("authorization Bearer secret\n")
    with pytest.raises(InvalidRequestError, match="received another as line 1") as refused:
        read_headers(file)
    assert "secret" not in str(refused.value)


def test_access_does_not_show_its_headers(pem: Path) -> None:
    assert "secret" not in repr(access(pem))
