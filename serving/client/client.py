"""The client: one interface to a served model, whatever the transport."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from digits.contract import (
    DRAWINGS,
    EXPLAIN,
    FEATURE_MAPS,
    PREDICT,
    Signature,
    signatures,
)
from serving.client.agreement import differences
from serving.client.answers import to_drawings, to_explanations, to_feature_maps, to_predictions
from serving.client.calls import IMAGES_PER_CALL, drawing_parts, image_parts
from serving.client.checks import check_drawings
from serving.client.errors import (
    ClientError,
    ContractMismatchError,
    InvalidRequestError,
    NotFoundError,
)
from serving.client.labels import Labels
from serving.client.predictions import Drawing, Explanation, Prediction, VersionStatus
from serving.client.transport.interface import Reply, Served, Transport
from serving.client.transport.retry import retrying

if TYPE_CHECKING:
    from serving.client.number.read import Number

_EXPLANATIONS_PER_CALL: Final = 64
"""A gradient costs several times an answer."""
_POLL: Final = 0.25
"""Seconds between looks while waiting for a version."""
_LEAST: Final = 1.0
"""Seconds that a look gets when time is nearly up, so that it says what is wrong and not that it
was cut short."""
_SIGNATURES: Final = signatures(complete=True) | signatures()


class Client:
    """Asks a served model. Safe to share between threads; close it, or use it in a `with`
    statement.

    Every method raises a `ClientError`: `UnavailableError` and `DeadlineExceededError` may pass by
    themselves, and `NotFoundError` once a version is loaded; the others need somebody to change
    something.
    """

    def __init__(self, transport: Transport, deadline: float) -> None:
        """Use `transport`; `deadline` is in seconds for each call, retries included."""
        self._transport = transport
        self._deadline = deadline
        self._labels = Labels()

    def predict(self, images: NDArray[np.uint8]) -> list[Prediction]:
        """Read images that already look like MNIST's.

        Args:
            images: uint8 [n, 28, 28], ink bright on dark, 0..255, n at least 1.

        Returns:
            n predictions in the same order. Of more than `IMAGES_PER_CALL`, some may come from a
            newer version.
        """
        return [
            found
            for part in image_parts(images, IMAGES_PER_CALL)
            for found in to_predictions(*self._answer(PREDICT, part), len(part))
        ]

    def read(self, drawings: Sequence[bytes]) -> list[Drawing]:
        """Read drawings of any size; the model itself finds, scales and centres the ink.

        Args:
            drawings: one or more encoded PNG or JPEG files, each at most `DRAWING_MAX_BYTES` long.

        Returns:
            One answer each, in the same order. What is no image, too large or blank says so in
            `problem`.
        """
        return [
            answer
            for part in drawing_parts(drawings)
            for answer in to_drawings(*self._answer(DRAWINGS, part), len(part))
        ]

    def read_number(self, picture: bytes) -> "Number":
        """Read one line of digits, such as "2026"; the digits are found here, the model reads each.
        Needs Pillow.

        Args:
            picture: an encoded PNG or JPEG of any size, at most `DRAWING_MAX_BYTES` long.

        Returns:
            The digits from left to right, each with its box and answer; none, and why, where there
            are none.
        """
        check_drawings([picture])
        try:
            from serving.client.number.read import read_number  # noqa: PLC0415 - Pillow, which other callers do without
        except ModuleNotFoundError as error:
            raise InvalidRequestError(
                "expected Pillow, which opens the picture; received no such package; install pillow"
            ) from error
        return read_number(self, picture)

    def explain(self, images: NDArray[np.uint8]) -> list[Explanation]:
        """Read images, and say of each pixel how much it mattered for the answer.

        Args:
            images: uint8 [n, 28, 28], ink bright on dark, 0..255, n at least 1; `Drawing.image` is
                one.

        Returns:
            n explanations in the same order.
        """
        parts = image_parts(images, _EXPLANATIONS_PER_CALL)
        return [
            found
            for part in parts
            for found in to_explanations(*self._answer(EXPLAIN, part), len(part))
        ]

    def feature_maps(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Look at what the model's layers see in images.

        Args:
            images: uint8 [n, 28, 28], ink bright on dark, 0..255, n at least 1; `Drawing.image` is
                one.

        Returns:
            uint8 [n, 3, 12, 28, 28]: three layers, from the first to a deep one, and in each the
            maps that respond most to the image, strongest first; 255 is the layer's brightest.

        Raises:
            InvalidRequestError: the version has no such signature; see `has_feature_maps`.
        """
        parts = image_parts(images, _EXPLANATIONS_PER_CALL)
        signature = _SIGNATURES[FEATURE_MAPS]
        return np.concatenate(
            [to_feature_maps(self._run(signature, part), len(part)) for part in parts]
        )

    def has_feature_maps(self) -> bool:
        """Whether the model served can show what its layers see."""
        served = retrying(self._transport.served, self._deadline)
        return served.signatures.get(FEATURE_MAPS) == _SIGNATURES[FEATURE_MAPS]

    def status(self) -> list[VersionStatus]:
        """The state of every version the server knows of, newest first."""
        return retrying(self._transport.status, self._deadline)

    def check_contract(self) -> None:
        """Make sure that the model served has the contract's signatures, inputs and outputs.

        Raises:
            ContractMismatchError: it has not; the text names each difference.
        """
        self._agreeing(self._deadline)

    def wait(self, timeout: float) -> int:
        """Wait until a version is available and keeps the contract.

        Args:
            timeout: seconds.

        Returns:
            The version that answers.

        Raises:
            ClientError: what was still in the way when time was up.
        """
        end = time.monotonic() + timeout
        while True:
            try:
                return self._ready(min(self._deadline, max(end - time.monotonic(), _LEAST)))
            except InvalidRequestError:
                raise
            except ClientError:
                if time.monotonic() + _POLL >= end:
                    raise
            time.sleep(_POLL)

    def _answer(
        self, signature: str, values: NDArray[np.uint8] | Sequence[bytes]
    ) -> tuple[Reply, tuple[str, ...]]:
        """What the model answers, and what its classes are called."""
        reply = self._run(_SIGNATURES[signature], values)
        return reply, self._labels.of(reply, self._run)

    def _run(self, signature: Signature, values: NDArray[np.uint8] | Sequence[bytes]) -> Reply:
        return retrying(
            lambda timeout: self._transport.predict(signature, values, timeout), self._deadline
        )

    def _ready(self, deadline: float) -> int:
        """The version that answers, if one is available and keeps the contract."""
        statuses = retrying(self._transport.status, deadline)
        if not any(status.state == "AVAILABLE" for status in statuses):
            seen = ", ".join(
                f"version {status.version} {status.state} {status.error}".rstrip()
                for status in statuses
            )
            raise NotFoundError(
                f"expected an available version; received {seen or 'none at all'}; wait longer or "
                "look into the server's log"
            )
        return self._agreeing(deadline).version

    def _agreeing(self, deadline: float) -> Served:
        served = retrying(self._transport.served, deadline)
        if faults := differences(served.signatures):
            raise ContractMismatchError(
                f"expected a model that keeps the contract; received version {served.version}: "
                f"{'; '.join(faults)}; "
                "serve a model exported by this project, or update this client"
            )
        return served

    def close(self) -> None:
        """Let go of the connection; the client cannot be used afterwards."""
        self._transport.close()

    def __enter__(self) -> Self:
        """Use the client in a `with` statement."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it at the end of the `with` statement."""
        self.close()
