"""Cut what is asked into calls that a server takes and that fit the deadline."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from digits.contract import DRAWING_MAX_BYTES
from serving.client.checks import check_drawings, check_images

IMAGES_PER_CALL: Final = 512
"""More are sent in several calls. A batching TensorFlow Serving refuses calls above
`max_batch_size`, 1000 unless set."""
DRAWINGS_PER_CALL: Final = 64
"""Drawings of the largest size take tens of milliseconds each to decode, so more would not fit the
deadline."""


def image_parts(images: NDArray[np.uint8], most: int) -> Iterator[NDArray[np.uint8]]:
    """Check images, and cut them into calls of at most so many."""
    check_images(images)
    return (images[start : start + most] for start in range(0, len(images), most))


def drawing_parts(drawings: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Check drawings, and cut them into calls of at most `DRAWINGS_PER_CALL` drawings and
    `DRAWING_MAX_BYTES` bytes; one alone always fits."""
    check_drawings(drawings)
    part: list[bytes] = []
    for drawing in drawings:
        if len(part) == DRAWINGS_PER_CALL or sum(map(len, part)) + len(drawing) > DRAWING_MAX_BYTES:
            yield part
            part = []
        part.append(drawing)
    yield part
