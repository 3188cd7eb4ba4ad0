"""What every reader of a data set gives: four arrays by name, and a sentence on what it took."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

NAMES: Final = ("x_train", "y_train", "x_test", "y_test")
LARGEST_ARRAY: Final = 1 << 30
"""Bytes an array may decode to, so that a lying header or a zip bomb cannot fill the memory;
MNIST's largest has 47 MB."""

Images = npt.NDArray[np.uint8]
"""uint8 [n, 28, 28], 0..255, ink bright on dark."""
Classes = npt.NDArray[np.uint8]
"""uint8 [n], index into the labels."""
Values = npt.NDArray[np.generic]
"""Numbers of any kind and shape, as a file has them."""


@dataclass(frozen=True)
class Found:
    """What a reader found, not yet checked.

    Attributes:
        arrays: the four arrays by name, images of any shape and classes of any number.
        labels: text of each class, where the layout names them.
        taken: what was read, for people: "four IDX files in MNIST/raw".
        left_out: what was not read, and how many of each: "hidden files": 3.
        is_converted: whether the reader has done what `Conversion` asks for.
    """

    arrays: Mapping[str, Values]
    labels: tuple[str, ...] | None
    taken: str
    left_out: Mapping[str, int]
    is_converted: bool = False
