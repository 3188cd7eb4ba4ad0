"""Letters and signs as people write them, in every form of letters.toml: no digits, and by the same
hand as the digits of `trainer.freehand.forms`.

Why not of fonts alone: what then tells a digit from a letter is partly the hand
(docs/experiments.md).
"""

from pathlib import Path
from typing import Final

import numpy as np

from trainer.freehand.forms import read_forms, write
from trainer.freehand.strokes import Strokes

TABLE: Final = Path(__file__).with_name("letters.toml")


def handwritten(generator: np.random.Generator, _: object = None) -> Strokes:
    """A letter or sign in one of its forms."""
    known = read_forms(TABLE)
    return write(known[generator.integers(len(known))], generator)
