"""Paint strokes on a canvas as people do, and encode it as they send it: every pen, place, colour
and trouble of `FACTORS`."""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from digits.contract import PIXEL_MAX
from trainer.freehand.strokes import Strokes

FACTORS: Final[dict[str, tuple[str, ...]]] = {
    "pen": ("hairline", "thin", "medium", "marker"),
    "size": ("tiny", "small", "medium", "large"),
    "place": ("middle", "off centre", "at the edge"),
    "tilt": ("upright", "10 degrees", "20 degrees"),
    "canvas": ("100x100", "280x280", "640x480", "1000x800"),
    "ink": ("black on white", "white on black", "coloured", "pencil", "transparent"),
    "trouble": ("none", "JPEG", "photo", "specks", "frame"),
}
"""In what renderings differ, and how: every combination is drawn."""
_PEN: Final = {"hairline": 0.015, "thin": 0.04, "medium": 0.09, "marker": 0.17}
"""Width over the longest side of the digit; MNIST's median is 0.125."""
_THINNEST: Final = 1.5
"""No pen is thinner, in pixels."""
_SIZE: Final = {
    "tiny": (0.12, 0.2),
    "small": (0.25, 0.4),
    "medium": (0.5, 0.7),
    "large": (0.85, 0.97),
}
"""Longest side of the digit over the shorter one of the canvas, from and to."""
_TILT: Final = {"upright": 0.0, "10 degrees": 10.0, "20 degrees": 20.0}
"""To either side."""
_FINER: Final = 2
"""Strokes are painted at this many times the canvas and averaged, so that their edges are soft."""
_FRAME: Final = (0.03, 0.07)
"""How far a frame's line is from the border at most, and the digit at least, over the shorter side
of the canvas."""
_QUALITY: Final = 60
"""Of JPEGs, as messengers send them."""
_CONTRAST: Final = 60.0
"""Least difference of coloured ink and coloured paper, of 255: people can tell them apart."""
_LIT_FROM_BELOW: Final = 0.5
"""Share of the photos whose light comes from the lower right, not from the upper left."""
_NOISE: Final = 6.0
"""Standard deviation of a camera's noise, of 255."""
_SHADE: Final = 50.0
"""How much darker one side of a photo is than the other at most, of 255."""

Ink = npt.NDArray[np.float64]
"""float64 [h, w], 0 for paper to 1 for full ink."""


@dataclass(frozen=True)
class Look:
    """One level of each factor, see `FACTORS`."""

    pen: str
    size: str
    place: str
    tilt: str
    canvas: str
    ink: str
    trouble: str


def draw_look(generator: np.random.Generator) -> Look:
    """Draw a level of each factor, all alike likely and independent."""
    return Look(
        **{factor: levels[generator.integers(len(levels))] for factor, levels in FACTORS.items()}
    )


def paint(strokes: Strokes, look: Look, generator: np.random.Generator) -> bytes:
    """Paint one digit: an encoded PNG, or a JPEG where the look says so.

    Args:
        strokes: of the digit, in any unit.
        look: how.
        generator: decides what the look leaves open.
    """
    ink = _dirty(_cover(strokes, look, generator), look, generator)
    picture = _coloured(ink, look, generator)
    if look.trouble == "photo":
        picture = _photographed(picture, generator)
    # JPEG has no transparency.
    jpeg = look.trouble in ("JPEG", "photo") and look.ink != "transparent"
    buffer = io.BytesIO()
    # Each takes its own.
    Image.fromarray(picture).save(
        buffer, "JPEG" if jpeg else "PNG", quality=_QUALITY, compress_level=1
    )
    return buffer.getvalue()


def _cover(strokes: Strokes, look: Look, generator: np.random.Generator) -> Ink:
    """Draw the strokes with a round pen where the look wants them."""
    width, height = map(int, look.canvas.split("x"))
    margin = _FRAME[1] * min(width, height) if look.trouble == "frame" else 0.0
    side = generator.uniform(*_SIZE[look.size]) * (min(width, height) - 2 * margin)
    pen = max(_THINNEST, _PEN[look.pen] * side)
    lines = _fitted(strokes, np.deg2rad(_TILT[look.tilt] * generator.choice([-1, 1])), side - pen)
    reach = np.max([line.max(axis=0) for line in lines], axis=0) + pen
    corner = (
        margin
        + (np.array([width, height]) - 2 * margin - reach) * _where(look.place, generator)
        + pen / 2
    )
    canvas = Image.new("L", (width * _FINER, height * _FINER))
    pencil, radius = ImageDraw.Draw(canvas), pen * _FINER / 2
    for line in lines:
        points = (line + corner) * _FINER
        pencil.line(
            [tuple(point) for point in points],
            fill=PIXEL_MAX,
            width=round(2 * radius),
            joint="curve",
        )
        for x, y in points[[0, -1]]:
            pencil.ellipse([x - radius, y - radius, x + radius, y + radius], fill=PIXEL_MAX)
    return np.asarray(canvas.reduce(_FINER)) / PIXEL_MAX


def _fitted(strokes: Strokes, angle: float, side: float) -> Strokes:
    """Turn strokes by an angle and scale them into a square of `side` pixels, from its upper left
    corner."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = [line @ turn for line in strokes]
    low = np.min([line.min(axis=0) for line in turned], axis=0)
    longest = max(np.max([line.max(axis=0) for line in turned], axis=0) - low)
    return [(line - low) * (max(side, 0) / max(longest, 1e-9)) for line in turned]


def _where(place: str, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Share of the free room, right and down, that lies before the digit."""
    if place == "middle":
        return np.array([0.5, 0.5])
    if place == "off centre":
        return generator.uniform(0.1, 0.9, 2)
    return generator.permutation([generator.choice([0.0, 1.0]), generator.uniform(0, 1)])


def _dirty(ink: Ink, look: Look, generator: np.random.Generator) -> Ink:
    """Specks anywhere, or the line around a form's box: at most 2 where that meets ink."""
    ink = ink.copy()
    height, width = ink.shape
    if look.trouble == "specks":
        for _ in range(generator.integers(2, 7)):
            size = int(generator.integers(1, 1 + max(1, min(width, height) // 120)))
            top, left = generator.integers(0, height - size), generator.integers(0, width - size)
            ink[top : top + size, left : left + size] = 1
    if look.trouble == "frame":
        inset = round(generator.uniform(0, _FRAME[0]) * min(width, height))
        thick = 1 + min(width, height) // 300
        line = np.ones((height - 2 * inset, width - 2 * inset))
        line[thick:-thick, thick:-thick] = 0
        ink += np.pad(line, inset)
    return ink


def _coloured(ink: Ink, look: Look, generator: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Ink and paper in colour: uint8 [h, w, 3], or [h, w, 4] on transparent paper."""
    paper, pen = np.full(3, 255.0), np.zeros(3)
    if look.ink == "white on black":
        paper, pen = pen, paper
    elif look.ink == "coloured":
        while abs(np.mean(paper - pen)) < _CONTRAST:
            paper, pen = generator.uniform(0, 255, (2, 3))
    elif look.ink == "pencil":
        paper, pen = np.full(3, 240.0), np.full(3, generator.uniform(110, 170))
    elif look.ink == "transparent":
        clear = np.full((*ink.shape, 4), PIXEL_MAX * generator.integers(2), np.uint8)
        clear[..., 3] = np.round(ink.clip(0, 1) * PIXEL_MAX)
        return clear
    mixed: npt.NDArray[np.uint8] = np.round(
        paper + ink.clip(0, 1)[..., np.newaxis] * (pen - paper)
    ).astype(np.uint8)
    return mixed


def _photographed(
    picture: npt.NDArray[np.uint8], generator: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Light that falls off across the picture, and a camera's noise; what is transparent stays
    so."""
    height, width = picture.shape[:2]
    down, along = np.linspace(0, 1, height)[:, np.newaxis], np.linspace(0, 1, width)
    share = generator.uniform(0, 1)
    if generator.random() < _LIT_FROM_BELOW:
        down, along = 1 - down, 1 - along
    lit = (
        picture[..., :3]
        * (1 - _SHADE / PIXEL_MAX * (share * down + (1 - share) * along))[..., np.newaxis]
    )
    noisy = lit + generator.normal(0, _NOISE, (height, width, 1))
    taken = np.concatenate([noisy.clip(0, PIXEL_MAX), picture[..., 3:]], -1)
    return taken.astype(np.uint8)
