"""Large calls, computed in pieces.

One piece of one large call is computed at a time, so that a small call waits behind one piece at
most. Between two pieces the caller's deadline and presence are checked.
"""

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from time import monotonic
from typing import Any, Final, NamedTuple

import numpy as np

from serving.server.errors import CancelledError, DeadlineError, InvalidArgumentError
from serving.server.inference.admission import SMALL_ITEMS, SMALL_PIXELS, LargeCalls
from serving.server.inference.memory import Reclaimer
from serving.server.inference.pixels import count_pixels
from serving.server.models.deadline import Deadline
from serving.server.models.signature import Arrays, ServedSignature
from serving.server.models.version import LoadedVersion

Outputs = dict[str, np.ndarray[Any, Any]]

PIECE_ITEMS: Final = 64
"""Measured on two cores: larger pieces are hardly faster; 64 saliency maps take 0.2 s and 40 MB."""
PIECE_PIXELS: Final = 8_000_000
"""Of encoded pictures: two of the largest that are decoded, about 0.4 s."""


class FairLock:
    """One at a time, in the order in which they ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_taken = False

    @contextmanager
    def take(self, seconds: float) -> Iterator[None]:
        """Hold the turn, after a wait of at most `seconds`.

        Raises:
            DeadlineError: the time is up.
        """
        ready = threading.Lock()
        with self._lock:
            if self._is_taken:
                ready.acquire()
                self._waiting.append(ready)
            self._is_taken = True
        if not ready.acquire(timeout=min(max(seconds, 0), threading.TIMEOUT_MAX)):
            self._give_up(ready)
        try:
            yield
        finally:
            self._pass_on()

    def _give_up(self, ready: threading.Lock) -> None:
        with self._lock:
            if ready in self._waiting:
                self._waiting.remove(ready)
            else:
                self._release_next()
        raise DeadlineError("The call's time ran out while it waited for its turn")

    def _pass_on(self) -> None:
        with self._lock:
            self._release_next()

    def _release_next(self) -> None:
        if self._waiting:
            self._waiting.popleft().release()
        else:
            self._is_taken = False


class Cut(NamedTuple):
    """How one call is computed."""

    ends: Sequence[int] = ()
    """Where pieces end; nothing for a call that cannot be cut."""
    is_small: bool = True


@dataclass(frozen=True)
class Pieces:
    """How large calls are cut, and how large one may be."""

    max_call_pixels: int
    large_calls: LargeCalls = field(default_factory=lambda: LargeCalls(sys.maxsize))
    items: int = PIECE_ITEMS
    pixels: int = PIECE_PIXELS
    turns: FairLock = field(default_factory=FairLock)
    reclaimer: Reclaimer = field(default_factory=Reclaimer)

    def cut(self, signature: ServedSignature, inputs: Arrays, wanted: Sequence[str]) -> Cut:
        """Where pieces end; nowhere if a tensor has no axis of items.

        Raises:
            InvalidArgumentError: the pictures have more pixels than a call may have.
        """
        sizes = {len(array) if array.ndim else 0 for array in inputs.values()}
        specs = [*signature.inputs.values(), *(signature.outputs[name] for name in wanted)]
        if len(sizes) != 1 or not all(spec.shape and spec.shape[0] is None for spec in specs):
            return Cut()
        pixels = self._count_pixels(inputs)
        (size,) = sizes
        is_small = size <= SMALL_ITEMS and sum(pixels) <= SMALL_PIXELS
        if not pixels:
            return Cut([*range(self.items, size, self.items), size], is_small)
        return Cut(self._cut_by_pixels(pixels), is_small)

    def _cut_by_pixels(self, pixels: Sequence[int]) -> list[int]:
        ends, start, held = [], 0, 0
        for position, count in enumerate(pixels):
            full = position - start >= self.items or held + count > self.pixels
            if full and position > start:
                ends.append(position)
                start, held = position, 0
            held += count
        return [*ends, len(pixels)]

    def _count_pixels(self, inputs: Arrays) -> list[int]:
        """Pixels of each item's encoded pictures; nothing where there is none.

        Raises:
            InvalidArgumentError: more of them than a call may have.
        """
        columns = [
            [count_pixels(item) for item in array]
            for array in inputs.values()
            if array.dtype == np.object_ and array.ndim == 1
        ]
        pixels = [sum(counts) for counts in zip(*columns, strict=True)]
        if sum(pixels) > self.max_call_pixels:
            raise InvalidArgumentError(
                f"Expected pictures of at most {self.max_call_pixels} pixels in a call; received "
                f"{sum(pixels)}; send them in parts"
            )
        return pixels if any(pixels) else []


def compute(
    version: LoadedVersion,
    signature: ServedSignature,
    inputs: Arrays,
    wanted: Sequence[str],
    *,
    deadline: Deadline,
    pieces: Pieces | None,
) -> Outputs:
    """Compute a signature, a large call in pieces.

    Args:
        version: what computes.
        signature: one of its signatures.
        inputs: validated tensors.
        wanted: names of outputs.
        deadline: until when the caller waits, and whether it still does.
        pieces: how to cut; none: not at all.

    Raises:
        ServingError: too many pixels, too many large calls, the caller has gone, its time is up,
            or TensorFlow could not compute.
    """
    check_deadline(deadline)
    if pieces is None:
        return version.run(signature, inputs, wanted, deadline)
    cut = pieces.cut(signature, inputs, wanted)
    with pieces.large_calls.admit(is_small=cut.is_small):
        if len(cut.ends) <= 1:
            return version.run(signature, inputs, wanted, deadline)
        return _compute_pieces(
            lambda piece: version.run(signature, piece, wanted, deadline),
            inputs,
            cut.ends,
            deadline,
            pieces,
        )


def _compute_pieces(
    run: Callable[[Arrays], Outputs],
    inputs: Arrays,
    ends: Sequence[int],
    deadline: Deadline,
    pieces: Pieces,
) -> Outputs:
    parts: list[Outputs] = []
    try:
        for start, end in pairwise([0, *ends]):
            check_deadline(deadline)
            piece = {name: array[start:end] for name, array in inputs.items()}
            with pieces.turns.take(deadline.at - monotonic()):
                parts.append(run(piece))
    finally:
        pieces.reclaimer.request()
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def check_deadline(deadline: Deadline) -> None:
    """Go on only while somebody waits for the answer.

    Raises:
        CancelledError: the caller has gone.
        DeadlineError: its time is up.
    """
    if not deadline.is_active():
        raise CancelledError("The caller has gone")
    if deadline.at <= monotonic():
        raise DeadlineError("The call's time ran out before it was computed")
