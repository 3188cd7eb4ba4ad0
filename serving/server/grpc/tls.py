"""TLS for gRPC, from TensorFlow Serving's SSLConfig file; the file holds the PEM texts
themselves."""

from pathlib import Path
from typing import Final

import grpc

from digits.errors import SettingsError
from serving.server.config_files import read_config

_FLAG: Final = "ssl_config_file"


def read_credentials(path: Path | None) -> grpc.ServerCredentials | None:
    """The server's credentials; with `client_verify`, clients must show a certificate of
    `custom_ca`. None without a file.

    Raises:
        SettingsError: the file cannot be read, or lacks what it needs.
    """
    if path is None:
        return None
    message = read_config(path, "SSLConfig", _FLAG)
    for name, pem in (("server_key", message.server_key), ("server_cert", message.server_cert)):
        if "-----BEGIN" not in pem:
            raise SettingsError(
                f"{_FLAG}: expected {name} to be a PEM text; received none in '{path}'; paste the "
                "text, not its path"
            )
    if message.client_verify and not message.custom_ca:
        raise SettingsError(
            f"{_FLAG}: expected custom_ca, for client_verify is on; received none in '{path}'; "
            "add it"
        )
    pair = [(message.server_key.encode(), message.server_cert.encode())]
    return grpc.ssl_server_credentials(
        pair, message.custom_ca.encode() or None, message.client_verify
    )
