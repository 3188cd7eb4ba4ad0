"""Pictures with transparency: ink is what a person sees as ink, whatever is cut out around it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFilter

from tests.trainer.preprocessing.test_drawing import difference, draw, encode, read_one

CLEAR = (0, 0, 0, 0)


def card(paper: str = "white", ink: str = "black") -> Image.Image:
    """A drawing on opaque paper."""
    return draw(paper=paper, ink=ink).convert("RGBA")


def avatar(picture: Image.Image) -> Image.Image:
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).ellipse([0, 0, picture.width - 1, picture.height - 1], fill=255)
    picture.putalpha(mask)
    return picture


def in_margin(picture: Image.Image) -> Image.Image:
    whole = Image.new("RGBA", (picture.width + 60, picture.height + 60), CLEAR)
    whole.paste(picture, (30, 30))
    return whole


def with_shadow(picture: Image.Image) -> Image.Image:
    size = (picture.width + 120, picture.height + 120)
    shade = Image.new("L", size, 0)
    shade.paste(110, (60, 70, 60 + picture.width, 70 + picture.height))
    shadow = Image.new("RGBA", size, "black")
    shadow.putalpha(shade.filter(ImageFilter.GaussianBlur(16)))
    shadow.paste(picture, (60, 60))
    return shadow


def rounded(picture: Image.Image) -> Image.Image:
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        [0, 0, picture.width - 1, picture.height - 1], 40, fill=255
    )
    picture.putalpha(mask)
    return picture


def faint(picture: Image.Image) -> Image.Image:
    picture.putalpha(100)
    return picture


@pytest.mark.parametrize("colours", [("white", "black"), ("#204080", "#ffe060")])
@pytest.mark.parametrize("cut", [avatar, in_margin, with_shadow, rounded, faint])
def test_normalise_picture_inside_transparency_is_read_by_its_ink(
    cut: Callable[[Image.Image], Image.Image], colours: tuple[str, str]
) -> None:
    expected = read_one(encode(card(*colours)))
    assert difference(read_one(encode(cut(card(*colours)))), expected) < 1


def test_normalise_rotated_picture_inside_transparency_is_read_by_its_ink() -> None:
    opaque = card().rotate(12, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    clear = card().rotate(12, Image.Resampling.BICUBIC, expand=True)
    assert difference(read_one(encode(clear)), read_one(encode(opaque))) < 1


def test_normalise_opaque_ink_on_half_transparent_paper_is_read() -> None:
    picture = draw(mode="RGBA", ink=(0, 0, 0, 255), paper=(255, 255, 255, 100))
    assert difference(read_one(encode(picture)), read_one(encode(card()))) < 1


def test_normalise_digit_that_touches_the_rim_of_its_card_is_read_by_its_ink() -> None:
    touching = draw(box=0.95, centre=(0.5, 0.5)).convert("RGBA")
    expected = read_one(encode(touching))
    assert difference(read_one(encode(in_margin(touching))), expected) < 2


def _halves(one: str, other: str) -> Image.Image:
    """Bare strokes, the upper half in one colour and the lower in another."""
    strokes = np.asarray(draw(mode="RGBA", ink=(0, 0, 0, 255), paper=CLEAR))
    colours = np.asarray(Image.new("RGB", (280, 280), one)).copy()
    colours[140:] = np.asarray(Image.new("RGB", (280, 140), other))
    pixels: npt.NDArray[np.uint8] = np.concatenate([colours, strokes[..., 3:]], -1)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("other", ["black", "white", "red"])
def test_normalise_bare_strokes_of_any_colours_are_read_whole(other: str) -> None:
    assert difference(read_one(encode(_halves("blue", other))), read_one(encode(card()))) < 1
