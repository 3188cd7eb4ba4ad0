"""Find the ink of a picture: what stands out from the paper, without printed lines."""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from digits.ink import FAINTEST, STRONG

Ink = NDArray[np.float32]
Colours = NDArray[np.float32]

_FIT_POINTS: Final = 4096
"""Pixels that the paper's colour is fitted to."""
_FIT_ROUNDS: Final = 3
"""Fits, each without the pixels farther from the last one than most."""
_NOISE: Final = 6.0
"""Median distances from the paper above which something is ink: four standard deviations of normal
noise."""
_OPAQUE: Final = 0.98
_TRANSPARENT_SHARE: Final = 0.005
"""Of the pixels: with fewer transparent ones a picture is opaque."""
_CARD: Final = (0.6, 0.005)
"""Opaque pixels that fill their bounding box this far, and differ among themselves in this share,
are a picture with ink on it; else they are the ink."""
_SOLID: Final = 0.75
"""Ink that fills more of its bounding box is a sheet of paper on something darker."""
_RULED: Final = (0.8, 0.04, 3)
"""A printed line: ink in this share of a row or column; at most this thick, over the picture's
size; at the picture's edge only among so many others."""


def find_ink(rgba: NDArray[np.float32]) -> tuple[Ink, float]:
    """Find what is written.

    Args:
        rgba: float32 [h, w, 4], 0..255.

    Returns:
        Contrast to the paper, float32 [h, w], 0..255, and the least that is ink; 0 where nothing
        is drawn.
    """
    ink = _contrast(rgba)
    least = _least(ink)
    if not least:
        return ink, 0.0
    for axis in (0, 1):
        ink = _without_lines(ink, least, axis)
    return ink, _least(ink)


def _least(ink: Ink) -> float:
    peak = float(ink.max())
    if peak < FAINTEST:
        return 0.0
    return float(np.clip(_NOISE * np.median(ink), STRONG[0] * peak, STRONG[1] * peak))


def _contrast(rgba: NDArray[np.float32]) -> Ink:
    colours, strongest = rgba[..., :3], float(rgba[..., 3].max())
    opacity = rgba[..., 3] / max(strongest, 1.0)
    opaque = opacity >= _OPAQUE
    if 1 - opaque.mean() < _TRANSPARENT_SHARE:
        return _against_paper(colours)
    if not _is_card(colours, opaque):
        return np.asarray(opacity * strongest, np.float32)
    paper = np.median(colours[opaque], axis=0)
    return _against_paper(np.where(opaque[..., np.newaxis], colours, paper)) * opaque


def _is_card(colours: Colours, opaque: NDArray[np.bool_]) -> bool:
    """Whether the opaque part is paper with ink on it, rather than ink alone."""
    if _fill(opaque) < _CARD[0]:
        return False
    inside = colours[opaque]
    away = np.abs(inside - np.median(inside, axis=0)).max(axis=1)
    return bool(np.mean(away >= FAINTEST) >= _CARD[1])


def _fill(mask: NDArray[np.bool_]) -> float:
    """Share of the bounding box that is set, 0..1."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return 0.0
    return float(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean())


def _against_paper(colours: Colours) -> Ink:
    """Contrast to the paper. Its colour is that of the border, which is paper even where the ink
    covers most of a tight crop; of the majority where the border is the desk under a sheet."""
    majority = np.median(colours.reshape(-1, 3), axis=0)
    edge = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]])
    border = np.median(edge, axis=0)
    if np.abs(border - majority).max() >= FAINTEST:
        ink = _distance(colours, border, sure=0.25)
        if _fill(ink >= max(_least(ink), FAINTEST)) <= _SOLID:
            return ink
    return _distance(colours, majority, sure=0.35)


def _distance(colours: Colours, start: NDArray[np.float32], *, sure: float) -> Ink:
    return np.asarray(np.abs(colours - _paper(colours, start, sure)).max(axis=2), np.float32)


def _paper(colours: Colours, start: NDArray[np.float32], sure: float) -> Colours:
    """The paper under the ink, of the same shape: a surface of second degree near `start`, where at
    least the share `sure` of the pixels is paper."""
    height, width, _ = colours.shape
    y, x = np.meshgrid(
        np.linspace(-1, 1, height, dtype=np.float32),
        np.linspace(-1, 1, width, dtype=np.float32),
        indexing="ij",
    )
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    # Odd: an even step sees one colour of paper with a pattern of even period.
    step = max(1, round((height * width / _FIT_POINTS) ** 0.5)) | 1
    points, seen = terms[::step, ::step].reshape(-1, 6), colours[::step, ::step].reshape(-1, 3)
    paper = start + np.zeros_like(seen)
    for _ in range(_FIT_ROUNDS):
        away = np.abs(seen - paper).max(axis=1)
        near = away <= max(2 * float(np.quantile(away, sure)), 2.0)
        surface = np.linalg.lstsq(points[near], seen[near], rcond=None)[0]
        paper = points @ surface
    return np.asarray(terms @ surface, np.float32)


def _without_lines(ink: Ink, least: float, axis: int) -> Ink:
    """`ink` without the printed lines along `axis` 0 (rows) or 1 (columns): a pixel of a line is
    ink only where there is ink at both of its sides."""
    lines = ink if axis == 0 else ink.T
    thickest = max(1.0, _RULED[1] * len(lines))
    bands = [
        (start, stop)
        for start, stop in _bands((lines >= least / 2).mean(axis=1) >= _RULED[0])
        if stop - start <= thickest + 2
    ]
    if len(bands) < _RULED[2]:
        edge = max(2, round(_RULED[1] * len(lines)))
        bands = [band for band in bands if edge <= band[0] and band[1] <= len(lines) - edge]
    cleaned = lines.copy()
    for start, stop in bands:
        above = cleaned[start - 1] if start else np.zeros_like(cleaned[0])
        below = lines[stop] if stop < len(lines) else np.zeros_like(cleaned[0])
        cleaned[start:stop] = np.minimum(above, below)
    return cleaned if axis == 0 else cleaned.T


def _bands(rows: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one past the last of every stretch that is set."""
    edges = np.flatnonzero(np.diff(rows.astype(np.int8), prepend=0, append=0))
    return list(pairwise(edges.tolist()))[::2]
