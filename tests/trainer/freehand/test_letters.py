"""Letters and signs as people write them."""

import numpy as np
import pytest

from trainer.freehand import forms, letters
from trainer.freehand.forms import Form, read_forms
from trainer.freehand.outliers import FITTED
from trainer.freehand.strokes import Strokes

FORMS = read_forms(letters.TABLE)
LIKE_A_DIGIT = "0123456789BbDGgIiJlOoQqSsyZz|-/"
"""A digit in somebody's hand, or only a line."""


def written(seed: int, count: int) -> list[Strokes]:
    generator = np.random.default_rng(seed)
    return [letters.handwritten(generator) for _ in range(count)]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_write_is_one_finite_letter_of_about_the_size_of_its_box(form: Form) -> None:
    for number in range(5):
        strokes = forms.write(form, np.random.default_rng(number))
        assert len(strokes) == len(form.strokes)
        points = np.concatenate(strokes)
        wide, high = np.ptp(points, axis=0)
        assert np.isfinite(points).all() and 0.7 < high < 2
        assert 0.4 * form.width[0] < wide < 2 * form.width[1] + 0.7


def test_table_has_no_letter_that_is_a_digit_in_somebodys_hand() -> None:
    names = {form.name.split()[0] for form in FORMS}
    assert not names & set(LIKE_A_DIGIT)
    assert set("AaEeHhKkPRrTtXY") <= names


def test_handwritten_letters_differ_and_are_always_the_same() -> None:
    once, again = (written(seed=2, count=5) for _ in range(2))
    for mine, yours in zip(once, again, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(mine, yours, strict=True))
    assert len({np.concatenate(strokes).tobytes() for strokes in once}) == 5


def test_handwritten_takes_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: set[str] = set()
    monkeypatch.setattr(letters, "write", lambda form, _: taken.add(form.name))
    written(seed=3, count=2_000)
    assert taken == {form.name for form in FORMS}


def test_handwritten_letters_are_learned() -> None:
    assert FITTED["handwritten"] is letters.handwritten
