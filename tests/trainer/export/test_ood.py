"""What is no digit: drawings made up, the fitted score, and where its limit lies."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from digits.contract import NOT_A_DIGIT
from tests.support.toy_digits import toy_arrays
from trainer.data.split import Split
from trainer.export import material as material_module
from trainer.export import reject
from trainer.export.material import Material, prepare
from trainer.export.ood import (
    FALSE_REJECTION,
    Detector,
    choose_weights,
    fit,
    measure,
    scorer,
    summarise,
)
from trainer.freehand.outliers import FITTED, UNSEEN, Digits, make
from trainer.freehand.strokes import trace
from trainer.networks import architecture
from trainer.networks.inference import as_input

EVERY = {**FITTED, **UNSEEN}


@pytest.fixture(scope="module")
def parts() -> Split:
    toy = toy_arrays()
    return Split(toy["x_train"], toy["y_train"], toy["x_test"], toy["y_test"])


@pytest.fixture(scope="module")
def few(parts: Split) -> Split:
    """So many that some of each digit can be traced."""
    return Split(
        *(parts.x_train[:1000], parts.y_train[:1000]),
        *(parts.x_validation[:150], parts.y_validation[:150]),
    )


@pytest.fixture(scope="module")
def digits(parts: Split) -> Digits:
    traced = [
        (trace(image), int(label))
        for image, label in zip(parts.x_validation, parts.y_validation, strict=True)
    ]
    return [(strokes, label) for strokes, label in traced if strokes is not None]


@pytest.fixture(scope="module")
def material(parts: Split) -> Material:
    found = prepare(parts, parts.x_validation[:20])
    assert found is not None
    return found


@pytest.fixture(scope="module", params=["conv3", "conv7", "two together"])
def model(request: pytest.FixtureRequest) -> keras.Model:
    """Networks nobody trained: what they say of an image is rough, but it is of the same kind."""
    if request.param != "two together":
        return architecture.build(request.param, seed=3)
    image = keras.Input((28, 28, 1), name="image")
    both = [architecture.build(name, seed=3)(image) for name in ("conv3", "conv5")]
    return keras.Model(image, keras.layers.Average()(both))


@pytest.mark.parametrize("family", EVERY)
def test_make_drawings_of_a_family_differ_and_are_always_the_same(
    family: str, digits: Digits
) -> None:
    once, names = make({family: EVERY[family]}, 4, digits, seed=1)
    again, _ = make({family: EVERY[family]}, 4, digits, seed=1)
    assert names == [family] * 4
    for one, other in zip(once, again, strict=True):
        assert one and all(
            line.ndim == 2 and line.shape[1] == 2 and np.isfinite(line).all() for line in one
        )
        assert all(np.array_equal(mine, yours) for mine, yours in zip(one, other, strict=True))
    assert not np.array_equal(once[0][0], once[1][0])


def test_make_families_take_turns(digits: Digits) -> None:
    names = make(FITTED, 200, digits, seed=1)[1]
    assert set(names) == set(FITTED) and names.count("scribble") == names.count("halves")
    assert names.count("character") > names.count("scribble")


def test_families_measured_with_are_none_of_those_fitted() -> None:
    assert not FITTED.keys() & UNSEEN.keys()


def test_prepare_draws_from_training_digits_for_the_fit_and_from_others_to_measure(
    material: Material, parts: Split
) -> None:
    count = len(parts.y_train) // 10
    assert len(material.outliers) == count
    assert len(material.held) == len(parts.y_validation) + 20
    assert material.fresh.keys() == EVERY.keys()
    for images in (material.outliers, material.held, *material.fresh.values()):
        assert (
            images.dtype == np.uint8
            and images.shape[1:] == (28, 28)
            and (images.max(axis=(1, 2)) > 100).all()
        )


def test_prepare_again_reads_what_was_made_of_a_sets_own_digits(
    few: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = few.x_validation[:20]
    first = prepare(few, drawn, tmp_path)
    again = prepare(few.add(drawn, few.y_validation[:20]), drawn, tmp_path)
    assert first is not None and again is not None
    assert np.array_equal(again.outliers, first.outliers)
    assert np.array_equal(again.held, first.held)
    assert again.fresh.keys() == first.fresh.keys() == EVERY.keys()
    assert all(np.array_equal(again.fresh[name], first.fresh[name]) for name in EVERY)
    for one, other in zip(first.reject.get_weights(), again.reject.get_weights(), strict=True):
        assert np.array_equal(one, other)
    assert capsys.readouterr().out.count("preparing drawings") == 1


@pytest.mark.parametrize("changed", ["x_train", "y_train", "x_validation", "y_validation"])
def test_prepare_of_other_digits_is_made_anew(
    few: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    monkeypatch.setattr(material_module, "_make", lambda _: {})
    for digits in (few, replace(few, **{changed: getattr(few, changed)[::-1]})):
        prepare(digits, few.x_validation[:0], tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("changed", ["_STRANGERS", "FITTED", "UNSEEN"])
def test_prepare_other_drawings_than_were_kept_are_made_anew(
    few: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    monkeypatch.setattr(material_module, "_make", lambda _: {})
    prepare(few, few.x_validation[:0], tmp_path)
    monkeypatch.setattr(material_module, changed, 7 if changed == "_STRANGERS" else {})
    prepare(few, few.x_validation[:0], tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_prepare_set_without_some_digit_gives_none(parts: Split) -> None:
    few = parts.y_train != 4
    assert (
        prepare(
            Split(parts.x_train[few], parts.y_train[few], parts.x_validation, parts.y_validation),
            parts.x_validation[:0],
        )
        is None
    )


def test_fit_turns_away_one_digit_in_two_hundred(model: keras.Model, material: Material) -> None:
    detector = fit(model, material)
    scores = scorer(model, detector)(as_input(tf.constant(material.held))).numpy()
    assert scores.shape == (len(material.held),) and scores.min() >= 0 and scores.max() <= 1
    assert abs((scores > NOT_A_DIGIT).mean() - FALSE_REJECTION) <= 1 / len(material.held)


def test_choose_weights_takes_what_tells_outliers_apart() -> None:
    generator = np.random.default_rng(1)
    digits = generator.normal((10, 5, 0), (2, 1, 3), (2_000, 3)).astype(np.float32)
    others = generator.normal((2, 5, 0), (2, 1, 3), (500, 3)).astype(np.float32)
    energy, margin, log_odds = choose_weights(digits, others)
    assert energy < 0 < log_odds
    weights = np.array([energy, margin, log_odds])
    limit = np.quantile(digits @ weights, 1 - FALSE_REJECTION)
    alone = np.quantile(digits[:, 2], 1 - FALSE_REJECTION)
    assert (others @ weights > limit).mean() > 0.5
    assert (others[:, 2] > alone).mean() < 0.05


def test_choose_weights_where_log_odds_tell_all_takes_them_alone() -> None:
    generator = np.random.default_rng(2)
    digits = generator.normal((10, 5, -9), 1, (2_000, 3)).astype(np.float32)
    others = generator.normal((10, 5, 9), 1, (500, 3)).astype(np.float32)
    assert list(choose_weights(digits, others)[:2]) == [0, 0]


def test_fit_tells_most_outliers_from_digits(material: Material) -> None:
    model = architecture.build("conv3", seed=3)
    figures = summarise(model, fit(model, material), material)
    assert figures.keys() == {"false_rejection", "accepted", "auroc"}
    assert figures["auroc"] > 0.8, "first weights tell a good deal"


def test_scorer_one_image_scores_alone_as_among_others(material: Material) -> None:
    model = architecture.build("conv3", seed=3)
    score = scorer(model, fit(model, material))
    images = as_input(tf.constant(material.held[:5]))
    np.testing.assert_allclose(score(images)[2:3], score(images[2:3]), atol=1e-5)


def test_scorer_limit_is_where_the_sum_is_nought() -> None:
    model, small = architecture.build("conv3", seed=3), reject.build()
    pixels = as_input(tf.constant(np.zeros((2, 28, 28), np.uint8)))
    weights = np.zeros(3, np.float32)
    at_limit = scorer(model, Detector(small, weights, 0.0))(pixels).numpy()
    above = scorer(model, Detector(small, weights, 1.0))(pixels).numpy()
    assert at_limit.tolist() == [NOT_A_DIGIT] * 2 and (above > NOT_A_DIGIT).all()


def test_measure_scores_that_part_entirely_and_not_at_all() -> None:
    digits = np.array([0.1, 0.2, 0.3])
    assert measure(digits, {"other": np.array([0.6, 0.9])}) == {
        "other": {"accepted": 0.0, "auroc": 1.0}
    }
    assert measure(digits, {"alike": digits})["alike"] == {"accepted": 1.0, "auroc": 0.5}
