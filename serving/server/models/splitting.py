"""Compute a large call that comes alone on several cores.

Where calls are joined, each operation keeps to one core (see `serving.server.parts.limit_threads`),
which costs the least processor time a call. A large call is therefore cut into as many parts as the
batcher has turns free, and each part is one of the batcher's calls.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

import numpy as np

from serving.server.models.deadline import Deadline
from serving.server.models.dynamic_batching import Batcher
from serving.server.models.functions import Array

PART_ITEMS: Final = 8
"""Items of a part, at least: fewer are hardly worth the hand-over to another thread."""


class Splitter:
    """The large calls of one signature of one version."""

    def __init__(self, batcher: Batcher, helpers: ThreadPoolExecutor, parts: int) -> None:
        """Keep what computes.

        Args:
            batcher: computes each part.
            helpers: threads that begin all parts but the first.
            parts: of one call, at most.
        """
        self._batcher = batcher
        self._helpers = helpers
        self._parts = parts

    def compute(self, arrays: Sequence[Array], deadline: Deadline) -> list[Array]:
        """As `Batcher.compute`."""
        parts = self._cut(arrays)
        if len(parts) > 1 and (outputs := self._compute_parts(parts, deadline)):
            return outputs
        return self._batcher.compute(arrays, deadline)

    def may_join(self, arrays: Sequence[Array]) -> bool:
        """Whether the batcher computes this call as it is, and joins it with others."""
        return self._batcher.is_joinable(arrays) and not self._cut(arrays)

    @property
    def batcher(self) -> Batcher:
        """What computes."""
        return self._batcher

    def _cut(self, arrays: Sequence[Array]) -> list[list[Array]]:
        items = self._batcher.count_items(arrays)
        count = min(self._parts, self._batcher.free_turns, items // PART_ITEMS)
        if count <= 1:
            return []
        columns = (np.array_split(array, count) for array in arrays)
        return [list(part) for part in zip(*columns, strict=True)]

    def _compute_parts(
        self, parts: Sequence[Sequence[Array]], deadline: Deadline
    ) -> list[Array] | None:
        """The outputs; none where they do not have one row for each item."""
        first, *others = parts
        futures = [self._helpers.submit(self._batcher.compute, part, deadline) for part in others]
        try:
            outputs = [self._batcher.compute(first, deadline)]
            for part, future in zip(others, futures, strict=True):
                outputs.append(self._result(part, future, deadline))
        finally:
            # The version stays loaded until the call ends: wait for what computes with it.
            wait([future for future in futures if not future.cancel()])
        if not all(map(_is_by_item, parts, outputs)):
            return None
        return [np.concatenate(column) for column in zip(*outputs, strict=True)]

    def _result(
        self, part: Sequence[Array], future: "Future[list[Array]]", deadline: Deadline
    ) -> list[Array]:
        """A part's outputs; computed here if no helper has begun it yet."""
        return self._batcher.compute(part, deadline) if future.cancel() else future.result()


def _is_by_item(inputs: Sequence[Array], outputs: Sequence[Array]) -> bool:
    return all(array.ndim and len(array) == len(inputs[0]) for array in outputs)
