"""What it takes to reach a server that wants to know its callers: certificates, and headers such as
a token."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from serving.client.errors import InvalidRequestError

_NAME: Final = re.compile(r"[a-z0-9_.-]+")
"""Names of headers that gRPC takes too."""


@dataclass(frozen=True)
class Access:
    """Certificates for `grpcs://` and `https://`, and headers for every call."""

    ca: Path | None = None
    """PEM file with the authorities to trust; None: those of the machine (REST) or of gRPC."""
    certificate: Path | None = None
    """PEM file with the client's own certificate, where the server asks for one."""
    key: Path | None = None
    """PEM file with the key of that certificate."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every call: metadata over gRPC. Not shown, since a token is one."""

    def __post_init__(self) -> None:
        """Refuse what cannot be used.

        Raises:
            InvalidRequestError: a certificate without its key, or a header that gRPC refuses.
        """
        if (self.certificate is None) is not (self.key is None):
            raise InvalidRequestError(
                "expected a client certificate together with its key; received one of the two; "
                "give both files"
            )
        for name, value in self.headers.items():
            if not _NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
                raise InvalidRequestError(
                    "expected headers with names in small letters and values in printable ASCII; "
                    f"received another under {name!r}; correct it"
                )


def read_pem(path: Path | None) -> bytes | None:
    """The content of a PEM file; None where there is none.

    Raises:
        InvalidRequestError: it cannot be read, or is no PEM.
    """
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidRequestError(
            f"expected a readable PEM file; received '{path}': {error.strerror}; check the path"
        ) from error
    if b"-----BEGIN " not in content:
        raise InvalidRequestError(
            f"expected a PEM file; received '{path}', which is none; convert it with openssl"
        )
    return content


def tls_context(access: Access) -> ssl.SSLContext:
    """What the standard library needs to speak TLS with the server.

    Raises:
        InvalidRequestError: a file cannot be read, or key and certificate do not belong together.
    """
    for path in (access.ca, access.certificate, access.key):
        read_pem(path)
    try:
        context = ssl.create_default_context(cafile=access.ca)
        if access.certificate:
            context.load_cert_chain(access.certificate, access.key)
    except (OSError, ValueError) as error:
        raise InvalidRequestError(
            f"expected certificates that fit together; received files that TLS refuses ({error}); "
            "check them with openssl"
        ) from error
    return context


def read_headers(path: Path | None) -> dict[str, str]:
    """Headers from a file with a line `name: value` for each; a file keeps a token out of the list
    of processes.

    Raises:
        InvalidRequestError: it cannot be read, or a line is none.
    """
    if path is None:
        return {}
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(
            f"expected a readable text file of headers; received '{path}': {error}; check the path"
        ) from error
    parts = [line.partition(":") for line in lines]
    for number, (_, colon, value) in enumerate(parts, start=1):
        if not colon or not value.strip():
            raise InvalidRequestError(
                f"expected lines such as 'authorization: Bearer …' in '{path}'; received another "
                f"as line {number}; correct it"
            )
    return {name.strip().lower(): value.strip() for name, _, value in parts}
