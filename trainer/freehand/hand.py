"""What a hand makes of ideal lines: strokes that tremble, round their corners, end too early or too
late, and are distorted and slanted as a whole."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.interpolate import make_interp_spline
from scipy.ndimage import gaussian_filter1d

from trainer.freehand.strokes import Strokes

_SPACING: Final = 0.02
"""Distance between the points of a finished stroke. This and all lengths below are over the height
of what is written."""
_ROUNDING: Final = 0.06
"""Corners are smoothed over up to this length."""
_TREMBLE: Final = 0.012
"""Largest standard deviation of a tremble…"""
_TREMBLE_LENGTH: Final = 0.06
"""… and the length of stroke over which it changes."""
_WARP: Final = 0.12
"""Standard deviation of the coefficients of the smooth distortion of the whole."""
_SLANT: Final = (0.08, 0.16)
"""Mean and standard deviation of the shift to the right of the upper edge."""
_TURN: Final = 5.0
"""Standard deviation of the rotation, degrees."""
_LIFT: Final = 0.025
"""Standard deviation of the offset of each stroke after the first, along each axis."""
_END: Final = 0.03
"""Standard deviation of how much longer or shorter a stroke is at either end."""

_STRETCH: Final = 0.25
"""Standard deviation of the logarithm of how much wider a character is than its font's."""

Points = npt.NDArray[np.float64]
"""float64 [k, 2], right and down."""


def write(
    lines: Iterable[Points], width: tuple[float, float], generator: np.random.Generator
) -> Strokes:
    """Write lines as one hand would, in a box about 1 high.

    Args:
        lines: ideal ones, in a box of 1 by 1; may be drawn from `generator` one after the other.
        width: of the box over its height, from and to.
        generator: decides everything else.
    """
    rounding, tremble = generator.uniform(0, (_ROUNDING, _TREMBLE))
    strokes: Strokes = []
    for line in lines:
        stroke = _lengthen(space(line), generator.normal(0, _END, 2))
        stroke = _smooth(stroke, rounding) + _tremble(len(stroke), tremble, generator)
        strokes.append(stroke + generator.normal(0, _LIFT, 2) * (len(strokes) > 0))
    return distort(strokes, generator.uniform(*width), generator)


def stretch(generator: np.random.Generator) -> float:
    """How much wider a hand writes a character than its font has it: a factor."""
    return float(np.exp(generator.normal(0, _STRETCH)))


def curve(points: Points) -> Points:
    """A smooth curve through points, which does not overshoot between near ones.

    Source: centripetal parametrisation, Lee, Computer-Aided Design 21 (1989).
    """
    steps = np.sqrt(np.linalg.norm(np.diff(points, axis=0), axis=1) + 1e-6)
    at = np.concatenate([[0], np.cumsum(steps)])
    through = make_interp_spline(at, points, k=min(3, len(points) - 1))
    return np.asarray(through(np.linspace(0, at[-1], 16 * len(points))))


def space(line: Points) -> Points:
    """The same line with points at equal distances."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, along[-1], max(2, round(along[-1] / _SPACING)))
    return np.stack([np.interp(at, along, axis) for axis in line.T], axis=1)


def _lengthen(line: Points, amounts: npt.NDArray[np.float64]) -> Points:
    """Make a line longer at its two ends, or shorter, by at most a quarter, where the amount is
    below 0."""
    for amount in amounts:
        line = line[::-1]
        last, step = line[-1], line[-1] - line[-2]
        if amount < 0:
            line = line[: len(line) - min(len(line) // 4, int(-amount / _SPACING))]
        else:
            length = max(float(np.linalg.norm(step)), 1e-6)
            line = np.concatenate([line, [last + step * (amount / length)]])
    return line


def _smooth(line: Points, length: float) -> Points:
    """Round the corners of a line over `length`; its ends stay."""
    deviation = max(length / _SPACING, 1e-3)
    smoothed = np.asarray(gaussian_filter1d(line, deviation, axis=0, mode="nearest"))
    smoothed[[0, -1]] = line[[0, -1]]
    return smoothed


def _tremble(points: int, amount: float, generator: np.random.Generator) -> Points:
    """A tremble of the standard deviation `amount`: offsets of points, float64 [points, 2]."""
    deviation = _TREMBLE_LENGTH / _SPACING
    noise = generator.normal(0, 1, (points, 2))
    smooth = np.asarray(gaussian_filter1d(noise, deviation, axis=0, mode="nearest"))
    return smooth * (amount * float(np.sqrt(2 * np.sqrt(np.pi) * deviation)))


def distort(strokes: Strokes, width: float, generator: np.random.Generator) -> Strokes:
    """Distort all strokes smoothly, then scale its width, slant and rotate it."""
    coefficients = generator.normal(0, _WARP, (2, 4))
    slant, angle = generator.normal(*_SLANT), np.deg2rad(generator.normal(0, _TURN))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    distorted = []
    for line in strokes:
        x, y = (line - 0.5).T
        terms = np.stack([x * y, x * x, y * y, 2 * x * y * y])
        curved = np.stack([x, y]) + coefficients @ terms
        slanted = np.stack([curved[0] * width - slant * curved[1], curved[1]], axis=1)
        distorted.append(slanted @ turn)
    return distorted
