"""Where touching digits may be cut: paths from top to bottom that cross as little ink as they can.

A path may leave its column, so that it goes round a stroke that reaches over or under its
neighbour. Source: seam carving, Avidan and Shamir 2007.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.client.number.ink import Ink

Seam = NDArray[np.intp]
"""int [h]: for every row the column from which on the ink belongs to the right."""

_STEP: Final = 0.12
"""What a step to the side costs, in pixels of full ink."""
_AWAY: Final = 0.01
"""The same for each column that a path begins away from its own, so that of equal ones the
straightest is taken."""
_TURNS: Final = np.array([0, -1, 1], np.int8)
"""Where a path may come from in the row above: straight first."""


def find_seams(ink: Ink, reach: int, stray: int, most: int) -> list[Seam]:
    """The paths of least ink, from left to right; none that crosses as much as a column has on
    average, as in a straight bar.

    Args:
        ink: float32 [h, w], 0..1.
        reach: least distance of two paths from each other and from both sides, by their mean
            column.
        stray: how far a path may leave its column to either side.
        most: how many.
    """
    width = ink.shape[1]
    columns = np.arange(reach, width - reach + 1, max(1, reach // 3))
    if not len(columns):
        return []
    seams, cost = _cheapest(ink, columns, stray)
    found: list[Seam] = []
    means: list[float] = [0.0, float(width)]
    average = float(ink.sum()) / width
    for place in np.argsort(cost, kind="stable"):
        if len(found) == most or cost[place] >= average:
            break
        mean = float(seams[place].mean())
        if all(abs(mean - other) >= reach for other in means):
            found.append(seams[place])
            means.append(mean)
    return sorted(found, key=lambda seam: float(seam.mean()))


def between(ink: Ink, start: Seam, stop: Seam) -> Ink:
    """The ink from one path up to another one; nothing elsewhere."""
    columns = np.arange(ink.shape[1])
    inside = (columns >= start[:, np.newaxis]) & (columns < stop[:, np.newaxis])
    return np.where(inside, ink, np.float32(0))


def _cheapest(
    ink: Ink, columns: NDArray[np.intp], stray: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each column the path of least ink near it, int [n, h], and what it costs, float64 [n]:
    the best path to each place from the row above, all columns at once."""
    height, width = ink.shape
    away = np.arange(-stray, stray + 1)
    places = columns[:, np.newaxis] + away
    outside = (places < 0) | (places >= width)
    places = places.clip(0, width - 1)
    cost = np.broadcast_to(_AWAY * np.abs(away), places.shape)
    turns = np.zeros((height, *places.shape), np.int8)
    for row in range(height):
        wide = np.pad(cost, ((0, 0), (1, 1)), constant_values=np.inf)
        ways = np.stack([wide[:, 1:-1], wide[:, :-2] + _STEP, wide[:, 2:] + _STEP])
        turns[row] = _TURNS[ways.argmin(axis=0)]
        cost = ways.min(axis=0) + np.where(outside, 1, ink[row][places])
    every, ends = np.arange(len(columns)), cost.argmin(axis=1)
    seams = np.zeros((len(columns), height), np.intp)
    for row in range(height - 1, -1, -1):
        seams[:, row] = places[every, ends]
        ends = ends + turns[row][every, ends]
    return seams, cost.min(axis=1)
