"""The three networks, as data, and the one function that builds any of them, or their teacher.

Source of the networks: the published notebook that this project replaces.
"""

from dataclasses import dataclass
from statistics import mean
from typing import Final

import keras

from digits.contract import IMAGE_SIZE, LABELS
from trainer.networks import allconv
from trainer.recipes import Initialisation

FILTERS: Final = (32, 64)
"""Filters of the two convolutions of every block."""
DROPOUT: Final = 0.5
_POLICIES: Final = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


@dataclass(frozen=True)
class Block:
    """Two convolutions with square kernels of these sides, then a pool with side and stride
    `pool`."""

    first: int
    second: int
    pool: int


@dataclass(frozen=True)
class Architecture:
    """One network: its blocks, whether batch normalisation stands between them, and its dense
    layers."""

    blocks: tuple[Block, ...]
    dense: tuple[int, ...]
    normalised: bool = False


ARCHITECTURES: Final = {
    "conv3": Architecture(
        blocks=(Block(3, 5, 2), Block(3, 5, 3), Block(3, 5, 4)), dense=(256, 128)
    ),
    "conv5": Architecture(
        blocks=(Block(3, 5, 3), Block(4, 5, 3), Block(5, 6, 3), Block(4, 6, 3), Block(5, 6, 3)),
        dense=(256, 256),
    ),
    "conv7": Architecture(
        blocks=(
            Block(3, 5, 3),
            Block(4, 5, 4),
            Block(5, 6, 5),
            Block(4, 6, 6),
            Block(5, 6, 3),
            Block(5, 5, 4),
            Block(4, 7, 5),
        ),
        dense=(256, 256),
        normalised=True,
    ),
}


def build(
    name: str,
    classes: int = len(LABELS),
    seed: int | None = None,
    precision: str = "float32",
    initialisation: Initialisation = "reachable",
) -> keras.Model:
    """Build one network with fresh weights.

    Args:
        name: a key of `ARCHITECTURES`, or `allconv.NAME`.
        classes: how many labels it tells apart.
        seed: makes weights and dropout repeatable; it seeds Python, NumPy and TensorFlow as a
            whole.
        precision: "float32", or "bfloat16" for bfloat16 arithmetic on float32 weights.
        initialisation: scale of the convolutions' first weights, see `initial_scale`; Keras' own
            in `allconv`.

    Returns:
        A model from `image`, float32 [n, 28, 28, 1] in 0..1, to probabilities, float32 [n,
        classes].
    """
    if seed is not None:
        keras.utils.set_random_seed(seed)
    if name == allconv.NAME:
        return allconv.build(classes, _POLICIES[precision])
    architecture, policy = ARCHITECTURES[name], _POLICIES[precision]
    image = features = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="image")
    for number, block in enumerate(architecture.blocks, 1):
        features = _block(features, block, number, policy, initialisation)
        if architecture.normalised and number < len(architecture.blocks):
            features = keras.layers.BatchNormalization(dtype=policy, name=f"block{number}_norm")(
                features
            )
    probabilities = _head(features, architecture.dense, classes, policy)
    return keras.Model(image, probabilities, name=name)


def _block(
    features: keras.KerasTensor,
    block: Block,
    number: int,
    policy: str,
    initialisation: Initialisation,
) -> keras.KerasTensor:
    for filters, side, letter in zip(FILTERS, (block.first, block.second), "ab", strict=True):
        scale = initial_scale(side, features.shape[1]) if initialisation == "reachable" else 1.0
        convolve = keras.layers.Conv2D(
            filters,
            side,
            padding="same",
            activation="relu",
            kernel_initializer=keras.initializers.VarianceScaling(
                scale, mode="fan_avg", distribution="uniform"
            ),
            dtype=policy,
            name=f"block{number}_conv_{letter}",
        )
        features = convolve(features)
    return keras.layers.MaxPooling2D(
        block.pool, padding="same", dtype=policy, name=f"block{number}_pool"
    )(features)


def initial_scale(side: int, size: int) -> float:
    """How much larger than Glorot's the variance of a convolution's first weights must be, for
    padding to cost no signal.

    Where the map is smaller than the kernel, most taps only ever meet padding: on a 1x1 map one tap
    of 25. Glorot's formula counts all of them, so every such layer divides the signal by five, and
    after four of them it drowns in the drift of
    the biases: without this, conv5 is dead within 50 steps. Source:
    docs/decisions/0005-initial-weights.md.

    Args:
        side: of the square kernel, in taps.
        size: of the square map, in pixels.

    Returns:
        All taps over those that meet the map, averaged over its pixels; 1 for a map without border.
    """
    before = (side - 1) // 2  # rows of padding above, as `same` padding has it
    reached = mean(
        sum(0 <= pixel + tap - before < size for tap in range(side)) for pixel in range(size)
    )
    return (side / reached) ** 2


def _head(
    features: keras.KerasTensor, dense: tuple[int, ...], classes: int, policy: str
) -> keras.KerasTensor:
    features = keras.layers.Dropout(DROPOUT, dtype=policy, name="dropout")(features)
    features = keras.layers.Flatten(dtype=policy, name="flatten")(features)
    for number, units in enumerate(dense, 1):
        features = keras.layers.Dense(
            units, activation="relu", dtype=policy, name=f"dense{number}"
        )(features)
        features = keras.layers.BatchNormalization(dtype=policy, name=f"dense{number}_norm")(
            features
        )
        features = keras.layers.Dropout(DROPOUT, dtype=policy, name=f"dense{number}_dropout")(
            features
        )
    # Probabilities and the loss on them stay in float32: bfloat16 has 8 bits of mantissa.
    return keras.layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(
        features
    )


def members(model: keras.Model) -> list[keras.Model]:
    """The networks that end in softmax: those that an ensemble averages, or the one network
    itself."""
    return [layer for layer in model.layers if isinstance(layer, keras.Model)] or [model]
