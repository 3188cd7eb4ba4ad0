"""Synthetic handwriting: every form can be written, drawings differ, a seed repeats them."""

import numpy as np
import pytest

from digits.contract import LABELS
from trainer.freehand import forms, letters
from trainer.freehand.canvas import FACTORS, paint
from trainer.freehand.drawings import see
from trainer.freehand.forms import Form, read_forms


def test_read_forms_every_digit_has_several() -> None:
    counts = np.bincount([form.digit for form in read_forms()])
    assert len(counts) == len(LABELS)
    assert min(counts) >= 5


@pytest.mark.parametrize(
    "form", [*read_forms(), *read_forms(letters.TABLE)], ids=lambda form: form.name
)
def test_write_is_one_finite_form_of_about_the_size_of_its_box(form: Form) -> None:
    for number in range(5):
        strokes = forms.write(form, np.random.default_rng(number))
        assert len(strokes) == len(form.strokes)
        points = np.concatenate(strokes)
        assert np.isfinite(points).all()
        wide, high = np.ptp(points, axis=0)
        assert 0.7 < high < 2
        assert 0.4 * form.width[0] < wide < 2 * form.width[1] + 0.7


def test_write_a_straight_and_a_smooth_line_through_the_same_points_differ() -> None:
    corner, arc = (
        forms.write(
            Form("1 test", (f"0,0 {way} 1,0 {way} 1,1",), (1, 1)), np.random.default_rng(1)
        )[0]
        for way in "-~"
    )
    turns = [
        np.abs(np.diff(np.unwrap(np.arctan2(*np.diff(line[2:-2], axis=0).T)))).max()
        for line in (corner, arc)
    ]
    assert turns[0] > 2 * turns[1]


def test_make_the_same_seed_is_the_same_handwriting_however_many() -> None:
    few, more = forms.make(20, forms.TRAINING), forms.make(30, forms.TRAINING)
    assert few[1] == more[1][:20]
    assert all(
        np.array_equal(a, b)
        for one, other in zip(few[0], more[0], strict=False)
        for a, b in zip(one, other, strict=True)
    )


def test_make_held_out_handwriting_differs_from_that_of_the_training() -> None:
    training, held_out = (forms.make(20, seed)[0] for seed in (forms.TRAINING, forms.HELD_OUT))
    assert not any(
        len(a) == len(b) and np.array_equal(a[0], b[0]) for a in training for b in held_out
    )


def test_make_has_as_many_of_each_digit_in_many_forms() -> None:
    _, chosen = forms.make(500, forms.TRAINING)
    assert set(np.bincount([form.digit for form in chosen])) == {50}
    assert len({form.name for form in chosen}) > 0.9 * len(read_forms())


def test_make_of_some_forms_alone_writes_those() -> None:
    some = [form for form in read_forms() if form.digit == 7]
    assert {form.name for form in forms.make(200, 1, some)[1]} == {form.name for form in some}


def test_look_is_one_that_the_canvas_paints_and_the_graph_reads() -> None:
    pictures = []
    for number, strokes in enumerate(forms.make(40, 1)[0]):
        generator = np.random.default_rng(number)
        look = forms.draw_look(generator)
        assert all(getattr(look, factor) in levels for factor, levels in FACTORS.items())
        pictures.append(paint(strokes, look, generator))
    seen = see(pictures)
    assert (seen.max(axis=(1, 2)) == 255).all()
    extent = [max(np.ptp(np.argwhere(image > 100), axis=0)) + 1 for image in seen]
    assert min(extent) >= 16 and max(extent) <= 22
