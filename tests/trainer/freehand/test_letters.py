"""Letters and signs as people write them."""

import numpy as np
import pytest

from trainer.freehand import letters
from trainer.freehand.forms import read_forms
from trainer.freehand.outliers import FITTED

FORMS = read_forms(letters.TABLE)
LIKE_A_DIGIT = "0123456789BbDGgIiJlOoQqSsyZz|-/"
"""A digit in somebody's hand, or only a line."""


def test_table_has_no_letter_that_is_a_digit_in_somebodys_hand() -> None:
    names = {form.name.split()[0] for form in FORMS}
    assert not names & set(LIKE_A_DIGIT)
    assert set("AaEeHhKkPRrTtXY") <= names


def test_handwritten_takes_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: set[str] = set()
    monkeypatch.setattr(letters, "write", lambda form, _: taken.add(form.name))
    generator = np.random.default_rng(3)
    for _ in range(2_000):
        letters.handwritten(generator)
    assert taken == {form.name for form in FORMS}


def test_handwritten_letters_are_learned() -> None:
    assert FITTED["handwritten"] is letters.handwritten
