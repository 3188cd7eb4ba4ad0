"""The freehand score: how well a network reads what people draw, rather than what MNIST's makers cut out and centred.

Digits are traced, painted on canvases of every kind in `trainer.canvas`, encoded, and read by the graph that is exported. The
family of renderings is fixed: the same digits give the same pictures, so versions can be compared.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from pydantic import BaseModel, ConfigDict, Field

from trainer.canvas import FACTORS, Look, draw_look, paint
from trainer.drawing import normalise
from trainer.evaluate import correct, interval
from trainer.mistakes import Mistake, worst_mistakes
from trainer.readers import Classes, Images
from trainer.strokes import Strokes, trace

FAMILY: Final = 1
"""Number of this family. It rises with every change to what is drawn; scores of two families say nothing about each other."""
MOST: Final = 1_000
"""Renderings of one family at most: half a minute on two cores, and a standard error of 0.4 points at 98 %."""
_SHARE: Final = 5
"""One image in so many is rendered, at most."""
_SEED: Final = 20261
_BATCH: Final = 50
"""Drawings read at once."""


class LevelScore(BaseModel):
    """How well the renderings of one kind are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accuracy: float = Field(ge=0, le=1, description="share read right")
    images: int = Field(ge=1, description="renderings of this kind")


class FreehandScore(BaseModel):
    """How well a family of renderings is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: int = Field(description="number of the family, see `trainer.freehand.FAMILY`")
    accuracy: float = Field(ge=0, le=1, description="share of the renderings read right")
    images: int = Field(ge=1, description="number of renderings")
    factors: dict[str, dict[str, LevelScore]] = Field(description="the same by pen, size, place and so on, see `trainer.canvas.FACTORS`")
    mistakes: tuple[Mistake, ...] = Field(description="the surest mistakes; `image` is the position among the renderings")

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy."""
        return interval(self.accuracy, self.images)


@dataclass(frozen=True, eq=False)
class Drawings:
    """Digits as people draw them.

    Attributes:
        pictures: encoded PNGs and JPEGs.
        looks: how each was painted.
        labels: uint8 [n], the true classes.
        seen: uint8 [n, 28, 28], what a network sees of them.
    """

    pictures: list[bytes]
    looks: list[Look]
    labels: Classes
    seen: Images


def draw(images: Images, labels: Classes) -> Drawings:
    """Draw a fifth of the images, uint8 [n, 28, 28], at most `MOST`: of those that can be traced, the same ones every time."""
    wanted = min(MOST, -(-len(images) // _SHARE))
    strokes: list[Strokes] = []
    chosen: list[int] = []
    for position in np.random.default_rng(_SEED).permutation(len(images)):
        if len(chosen) == wanted:
            break
        if (traced := trace(images[position])) is not None:
            strokes.append(traced)
            chosen.append(position)
    return draw_strokes(strokes, labels[chosen])


def draw_strokes(strokes: Sequence[Strokes], labels: Classes, seed: int = _SEED) -> Drawings:
    """Paint each digit once, in a look of its own."""
    pictures, looks = [], []
    for number, one in enumerate(strokes):
        generator = np.random.default_rng([seed, number])
        looks.append(draw_look(generator))
        pictures.append(paint(one, looks[-1], generator))
    return Drawings(pictures, looks, labels, see(pictures))


def see(pictures: Sequence[bytes]) -> Images:
    """What a network sees of drawings, uint8 [n, 28, 28]: what the signature `drawings` does before it asks the network."""
    batches = [_reader()(tf.constant(pictures[start : start + _BATCH]))[0].numpy() for start in range(0, len(pictures), _BATCH)]
    return np.concatenate([np.zeros((0, 28, 28), np.uint8), *batches])


@functools.cache
def _reader() -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """`normalise`, traced once for all calls."""
    reader: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]] = tf.function(normalise, input_signature=[tf.TensorSpec([None], tf.string)])
    return reader


def score(probabilities: npt.NDArray[np.floating], drawings: Drawings) -> FreehandScore:
    """Hold answers, float [n, k], against what was drawn.

    Raises:
        TrainerError: a probability is not a number, as after a training that diverged.
    """
    right = correct(probabilities, drawings.labels)
    return FreehandScore(
        family=FAMILY,
        accuracy=float(right.mean()),
        images=len(right),
        factors={factor: dict(_by_level(right, [getattr(look, factor) for look in drawings.looks], factor)) for factor in FACTORS},
        mistakes=worst_mistakes(probabilities, drawings.labels, np.arange(len(right))),
    )


def _by_level(right: npt.NDArray[np.bool_], found: Sequence[str], factor: str) -> Iterator[tuple[str, LevelScore]]:
    for level in FACTORS[factor]:
        of_level = right[np.array(found) == level]
        if of_level.size:
            yield level, LevelScore(accuracy=float(of_level.mean()), images=of_level.size)
