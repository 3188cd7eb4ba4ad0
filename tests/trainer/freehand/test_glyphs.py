"""Characters that are no digits: of stroke fonts and invented ones."""

import numpy as np
import pytest

from trainer.freehand import glyphs
from trainer.freehand.letters import handwritten
from trainer.freehand.outliers import FITTED, UNSEEN
from trainer.freehand.strokes import Strokes

FAMILIES = {
    family.__name__: family
    for family in (
        glyphs.character,
        glyphs.greek,
        glyphs.kana,
        glyphs.joined,
        glyphs.several,
        glyphs.invented,
        handwritten,
    )
}
LIKE_A_DIGIT = "0123456789OoIl|ZzSsBbQqGgDi"
LATIN = ("rowmans", "scripts", "timesi", "timesr", "gothgbt", "gothgrt", "gothitt")


def written(family: str, seed: int, count: int = 200) -> list[Strokes]:
    generator = np.random.default_rng(seed)
    return [FAMILIES[family](generator) for _ in range(count)]


@pytest.mark.parametrize("family", FAMILIES)
def test_characters_are_lines_that_can_be_painted(family: str) -> None:
    for strokes in written(family, seed=1):
        points = np.concatenate(strokes)
        assert all(line.shape[1] == 2 and len(line) > 1 for line in strokes)
        assert np.isfinite(points).all() and np.ptp(points, axis=0).max() > 0.2


@pytest.mark.parametrize("family", FAMILIES)
def test_characters_differ_and_are_always_the_same(family: str) -> None:
    once, again = (written(family, seed=2, count=5) for _ in range(2))
    for mine, yours in zip(once, again, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(mine, yours, strict=True))
    sizes = {np.concatenate(strokes).tobytes() for strokes in once}
    assert len(sizes) == 5


@pytest.mark.parametrize("font", LATIN)
def test_latin_fonts_are_without_what_is_a_digit_in_somebodys_hand(font: str) -> None:
    assert not set(glyphs.LEARNED[font]) & set(LIKE_A_DIGIT)


def test_digits_of_every_font_are_left_out() -> None:
    for characters in glyphs.LEARNED.values():
        assert not set(characters) & set("0123456789")


def test_scripts_to_measure_with_are_not_learned() -> None:
    assert {"greek", "kana"} <= UNSEEN.keys() and not {"greek", "kana"} & FITTED.keys()
    assert not glyphs.LEARNED.keys() & glyphs.MEASURED


def test_invented_characters_have_two_to_five_lines() -> None:
    assert {len(strokes) for strokes in written("invented", seed=3)} == {2, 3, 4, 5}


def test_several_characters_are_wider_than_one() -> None:
    def width(strokes: Strokes) -> float:
        right, down = np.ptp(np.concatenate(strokes), axis=0)
        return float(right / down)

    one, more = (
        np.median([width(strokes) for strokes in written(family, seed=4)])
        for family in ("character", "several")
    )
    assert more > 1.5 * one
