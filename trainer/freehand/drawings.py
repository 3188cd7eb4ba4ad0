"""Draw digits as people do, rather than as MNIST's makers cut them out and centred them.

Digits are traced, painted on canvases of every kind in `trainer.freehand.canvas`, encoded, and read
by the graph that is exported. What is
drawn is fixed: the same digits give the same pictures, so versions can be compared.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import tensorflow as tf

from trainer.data.arrays import Classes, Images
from trainer.freehand import forms
from trainer.freehand.canvas import Look, draw_look, paint
from trainer.freehand.strokes import Strokes, trace
from trainer.preprocessing.drawing import normalise

MOST: Final = 1_000
"""Drawings at most: half a minute on two cores, and a standard error of 0.4 points at 98 %."""
_SHARE: Final = 5
"""One image in so many is drawn, at most."""
SEED: Final = 20261
"""Of the drawings that versions are scored on."""
_BATCH: Final = 50
"""Drawings read at once."""


@dataclass(frozen=True, eq=False)
class Drawings:
    """Digits as people draw them.

    Attributes:
        pictures: encoded PNGs and JPEGs.
        looks: how each was painted.
        labels: uint8 [n], the true classes.
        seen: uint8 [n, 28, 28], what a network sees of them.
        forms: name of the form of each, see `trainer.freehand.forms`; none of traced digits.
    """

    pictures: list[bytes]
    looks: list[Look]
    labels: Classes
    seen: Images
    forms: tuple[str, ...] = ()


def draw(images: Images, labels: Classes, count: int | None = None, seed: int = SEED) -> Drawings:
    """Draw images as people would: of those that can be traced, the same ones in the same way every
    time.

    Args:
        images: uint8 [n, 28, 28].
        labels: uint8 [n].
        count: how many to draw; None: a fifth of them, at most `MOST`.
        seed: decides which, and how.
    """
    wanted = min(MOST, -(-len(images) // _SHARE)) if count is None else count
    strokes: list[Strokes] = []
    chosen: list[int] = []
    for position in np.random.default_rng(seed).permutation(len(images)):
        if len(chosen) == wanted:
            break
        if (traced := trace(images[position])) is not None:
            strokes.append(traced)
            chosen.append(position)
    return draw_strokes(strokes, labels[chosen], seed)


def draw_strokes(
    strokes: Sequence[Strokes],
    labels: Classes,
    seed: int = SEED,
    look: Callable[[np.random.Generator], Look] = draw_look,
) -> Drawings:
    """Paint each digit once, in a look of its own, which `look` draws and `seed` decides."""
    pictures, looks = [], []
    for number, one in enumerate(strokes):
        generator = np.random.default_rng([seed, number])
        looks.append(look(generator))
        pictures.append(paint(one, looks[-1], generator))
    return Drawings(pictures, looks, labels, see(pictures))


def draw_forms(count: int, seed: int) -> Drawings:
    """Write `count` digits in the forms that people use, and paint each once; see `forms.make`."""
    strokes, written = forms.make(count, seed)
    labels = np.array([form.digit for form in written], np.uint8)
    drawings = draw_strokes(strokes, labels, seed, forms.draw_look)
    return replace(drawings, forms=tuple(form.name for form in written))


def see(pictures: Sequence[bytes]) -> Images:
    """What a network sees of drawings, uint8 [n, 28, 28]: what the signature `drawings` does before
    it asks the network."""
    batches = [
        _reader()(tf.constant(pictures[start : start + _BATCH]))[0].numpy()
        for start in range(0, len(pictures), _BATCH)
    ]
    return np.concatenate([np.zeros((0, 28, 28), np.uint8), *batches])


@functools.cache
def _reader() -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """`normalise`, traced once for all calls."""
    reader: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]] = tf.function(
        normalise, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    return reader
