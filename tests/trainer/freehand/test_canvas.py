"""Painted canvases: each level of each factor is what its name says."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainer.freehand.canvas import FACTORS, Look, draw_look, paint

STROKES = [np.array([(0.0, 0), (6, 0), (2, 10)])]
"""A seven."""
PLAIN = Look("medium", "medium", "middle", "upright", "280x280", "black on white", "none")


def painted(**changes: str) -> Image.Image:
    return Image.open(
        io.BytesIO(paint(STROKES, replace(PLAIN, **changes), np.random.default_rng(3)))
    )


def ink(picture: Image.Image) -> np.ndarray[Any, Any]:
    """Where there is ink on white paper, float64 0..1."""
    return 1 - np.asarray(picture.convert("L")) / 255


def extent(picture: Image.Image) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the ink over the canvas."""
    rows, columns = (np.flatnonzero((ink(picture) > 0.5).any(axis)) for axis in (1, 0))
    width, height = picture.size
    return columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height


@pytest.mark.parametrize("canvas", FACTORS["canvas"])
def test_paint_canvas_has_its_size_and_the_digit_its_share(canvas: str) -> None:
    picture = painted(canvas=canvas)
    assert picture.size == tuple(map(int, canvas.split("x")))
    _, top, _, bottom = extent(picture)
    assert 0.45 < bottom - top < 0.75


def test_paint_sizes_and_pens_grow_in_their_order() -> None:
    heights = [
        extent(painted(size=size))[3] - extent(painted(size=size))[1] for size in FACTORS["size"]
    ]
    assert heights == sorted(heights) and heights[-1] > 0.8
    amounts = [ink(painted(pen=pen)).sum() for pen in FACTORS["pen"]]
    assert amounts == sorted(amounts) and amounts[-1] > 5 * amounts[0]


def test_paint_place_at_the_edge_touches_it_and_loses_nothing() -> None:
    whole = ink(painted()).sum()
    picture = painted(place="at the edge", size="medium")
    left, top, right, bottom = extent(picture)
    assert min(left, top, 1 - right, 1 - bottom) < 0.02
    assert ink(picture).sum() == pytest.approx(whole, rel=0.02)


def test_paint_tilt_turns_the_digit() -> None:
    upright, little, much = (ink(painted(tilt=tilt)) for tilt in FACTORS["tilt"])
    assert 0.005 < np.abs(little - upright).mean() < np.abs(much - upright).mean()


@pytest.mark.parametrize(
    ("level", "paper", "pen"), [("black on white", 255, 0), ("white on black", 0, 255)]
)
def test_paint_polarity_is_as_named(level: str, paper: int, pen: int) -> None:
    pixels = np.asarray(painted(ink=level))
    assert (pixels[0, 0] == paper).all()
    assert (pixels == pen).any()


def test_paint_pencil_is_faint_and_transparent_paper_clear() -> None:
    assert 100 < np.asarray(painted(ink="pencil")).min() < 180
    clear = painted(ink="transparent")
    assert (
        clear.mode == "RGBA"
        and np.asarray(clear)[0, 0, 3] == 0
        and np.asarray(clear)[..., 3].max() == 255
    )


def test_paint_troubles_are_visible() -> None:
    kinds = {trouble: painted(trouble=trouble).format for trouble in FACTORS["trouble"]}
    assert kinds == {
        "none": "PNG",
        "JPEG": "JPEG",
        "photo": "JPEG",
        "specks": "PNG",
        "frame": "PNG",
    }
    clean, frame = ink(painted(trouble="none")), ink(painted(trouble="frame"))
    assert (frame > 0.5).any(axis=0).mean() > 0.9 > (clean > 0.5).any(axis=0).mean()
    assert np.asarray(painted(trouble="photo").convert("L"))[:20, :20].std() > 1
    assert painted(trouble="photo", ink="transparent").format == "PNG", "JPEG has no transparency"


def test_paint_frame_leaves_room_round_the_digit() -> None:
    frame = ink(painted(trouble="frame", size="large", place="at the edge")) > 0.5
    rows = frame[:, 40:-40].mean(axis=1)
    lines = np.flatnonzero(rows > 0.9)
    assert len(lines) and lines.min() < 10 and lines.max() > 270, (
        "a line above and one below, and between them"
    )
    assert not frame[lines[lines < 140].max() + 1 : lines[lines < 140].max() + 4, 40:-40].any()


def test_paint_the_same_generator_paints_the_same_bytes() -> None:
    once, again = (
        paint(STROKES, draw_look(np.random.default_rng(4)), np.random.default_rng(5))
        for _ in range(2)
    )
    assert once == again


def test_draw_look_meets_every_level() -> None:
    generator = np.random.default_rng(0)
    looks = [draw_look(generator) for _ in range(200)]
    for factor, levels in FACTORS.items():
        assert {getattr(look, factor) for look in looks} == set(levels)


def test_paint_a_dot_is_a_dot() -> None:
    picture = Image.open(
        io.BytesIO(paint([np.array([[3.0, 3.0]])], PLAIN, np.random.default_rng(0)))
    )
    assert 0 < (ink(picture) > 0.5).mean() < 0.05
