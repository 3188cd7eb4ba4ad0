"""What a transport does. The client is the room; gRPC and REST are its two protocols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from digits.contract import Signature
from serving.client.predictions import VersionStatus

MESSAGE_MAX_BYTES: Final = 16 * 1024 * 1024
"""Largest message either way. gRPC's default of 4 MiB for replies is fewer than 2,000 drawings with
their images."""


@dataclass(frozen=True, eq=False)
class Reply:
    """Outputs by name, and the version that computed them where the transport tells it."""

    outputs: Mapping[str, NDArray[Any]]
    version: int | None


@dataclass(frozen=True)
class Served:
    """What a loaded version says of itself."""

    version: int
    signatures: Mapping[str, Signature]


class Transport(Protocol):
    """One way to reach a model. Every call takes the seconds it may last and raises only
    `ClientError`."""

    def predict(
        self, signature: Signature, values: NDArray[np.uint8] | Sequence[bytes], timeout: float
    ) -> Reply:
        """Run one signature on its one input."""

    def status(self, timeout: float) -> list[VersionStatus]:
        """The state of every version the server knows of."""

    def served(self, timeout: float) -> Served:
        """The version that answers now, and its signatures."""

    def close(self) -> None:
        """Let go of the connection."""
