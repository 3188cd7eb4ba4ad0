"""What the classes of a served version are called.

The signature `classify` names them with every answer, so one empty question to it tells the labels
of any version of ours, over TensorFlow Serving too.
"""

from collections.abc import Callable
from typing import Any, Final

from numpy.typing import NDArray

from digits.contract import CLASSIFY, LABELS, Signature, signatures
from serving.client.errors import ClientError, DeadlineExceededError, UnavailableError
from serving.client.transport.interface import Reply

_CLASSIFY: Final = signatures()[CLASSIFY]
_NO_EXAMPLE: Final = [b""]
"""A `tf.Example` without any feature: read as a blank drawing."""

Ask = Callable[[Signature, list[bytes]], Reply]
"""Runs a signature."""


class Labels:
    """The labels of each version that answered, asked for once a version. Safe to share between
    threads: at worst two of them ask."""

    def __init__(self) -> None:
        """Start without any."""
        self._known: dict[int | None, tuple[str, ...]] = {}

    def of(self, reply: Reply, ask: Ask) -> tuple[str, ...]:
        """The labels of the version that gave `reply`.

        Args:
            reply: has the output `probabilities`.
            ask: runs a signature on the same model.

        Raises:
            UnavailableError, DeadlineExceededError: the server did not tell.
        """
        classes = _classes(reply)
        known = self._known.get(reply.version, ())
        if len(known) != classes:
            known = self._known[reply.version] = self._ask(classes, ask)
        return known

    @staticmethod
    def _ask(classes: int, ask: Ask) -> tuple[str, ...]:
        try:
            named = _text(ask(_CLASSIFY, _NO_EXAMPLE).outputs.get("classes"))
        except (UnavailableError, DeadlineExceededError):
            raise
        except ClientError:  # a model without this signature, or without names in it
            named = ()
        if len(named) == classes:
            return named
        return LABELS if classes == len(LABELS) else tuple(str(place) for place in range(classes))


def _classes(reply: Reply) -> int:
    probabilities = reply.outputs.get("probabilities")
    return probabilities.shape[-1] if probabilities is not None and probabilities.ndim else 0


def _text(classes: NDArray[Any] | None) -> tuple[str, ...]:
    if classes is None or classes.shape[:-1] != (1,):
        return ()
    return tuple(
        name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        for name in classes[0].tolist()
    )
