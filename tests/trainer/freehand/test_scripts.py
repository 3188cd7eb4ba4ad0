"""Characters of many scripts, traced from a font."""

import unicodedata

import numpy as np
import pytest

from trainer.freehand import scripts
from trainer.freehand.outliers import FITTED
from trainer.freehand.strokes import Strokes

DIGIT_LIKE = "ОоЅѕЗзВЧчІ|ӀОօסו٥ىⵔⵏꓳꓲᑫᑯ⊙∘∙∅"
"""A digit in somebody's hand, or only a line, an arc or a dot."""


def written(seed: int, count: int) -> list[Strokes]:
    generator = np.random.default_rng(seed)
    return [scripts.script(generator) for _ in range(count)]


def test_characters_are_lines_that_can_be_painted() -> None:
    for strokes in written(seed=1, count=300):
        points = np.concatenate(strokes)
        assert all(line.shape[1] == 2 and len(line) > 0 for line in strokes)
        assert np.isfinite(points).all() and 0.5 < np.ptp(points, axis=0).max() < 3


def test_characters_differ_and_are_always_the_same() -> None:
    once, again = (written(seed=2, count=5) for _ in range(2))
    for mine, yours in zip(once, again, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(mine, yours, strict=True))
    assert len({np.concatenate(strokes).tobytes() for strokes in once}) == 5


def test_characters_of_the_table_are_many_and_each_once() -> None:
    characters = scripts.characters()
    assert len(characters) > 1_000 and len(set(characters)) == len(characters)


def test_character_that_the_font_lacks_or_fills_is_never_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lacking, drawn, filled = "\u0588", "Ж", "◆"
    monkeypatch.setattr(scripts, "characters", lambda: (lacking, drawn, filled))
    shapes = [np.concatenate(strokes) for strokes in written(seed=3, count=20)]
    assert len({len(points) for points in shapes}) == 1


def test_characters_leave_out_digits_and_the_scripts_that_only_measure() -> None:
    characters = set(scripts.characters())
    assert not characters & set(DIGIT_LIKE)
    names = " ".join(unicodedata.name(character, "") for character in characters).split()
    assert not {"COPTIC", "HIRAGANA", "KATAKANA"} & set(names) and "CYRILLIC" in names
    assert not any("\u0370" <= character <= "\u03ff" for character in characters)
    assert not any(character.isdigit() for character in characters)


def test_scripts_are_learned() -> None:
    assert FITTED["script"] is scripts.script
