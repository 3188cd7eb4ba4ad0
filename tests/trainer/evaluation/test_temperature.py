"""The temperature: what it does to known probabilities, and what is fitted for networks that are
too sure or not sure enough."""

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.toy_digits import toy_arrays
from trainer.errors import TrainerError
from trainer.evaluation.calibration import SMALLEST, measure, nll
from trainer.evaluation.temperature import calibrate, fit_temperature
from trainer.networks.inference import as_input, predict

Floats = npt.NDArray[np.floating]


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def calibrated(probabilities: Floats, temperature: float) -> npt.NDArray[np.float32]:
    answers: npt.NDArray[np.float32] = calibrate(
        tf.constant(probabilities, tf.float32), temperature
    ).numpy()
    return answers


def honest(images: int, spread: float, seed: int = 5) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Logits of a network that is exactly as sure as it is right: each truth is drawn from its own
    probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, (images, 10))
    return logits, (softmax(logits).cumsum(1) < rng.random((images, 1))).sum(1).clip(0, 9)


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.0, 1.7, 50.0])
def test_calibrate_is_the_softmax_of_divided_logits(temperature: float) -> None:
    logits = np.random.default_rng(1).normal(0, 5, (200, 10))
    np.testing.assert_allclose(
        calibrated(softmax(logits), temperature), softmax(logits / temperature), atol=2e-6
    )


def test_calibrate_probability_worked_out_by_hand() -> None:
    np.testing.assert_allclose(calibrated(np.array([[0.8, 0.2]]), 2.0), [[2 / 3, 1 / 3]], atol=1e-6)
    np.testing.assert_allclose(
        calibrated(np.array([[0.8, 0.2]]), 0.5), [[16 / 17, 1 / 17]], atol=1e-6
    )


@pytest.mark.parametrize("temperature", [0.01, 0.3, 1.0, 3.0, 100.0])
def test_calibrate_probabilities_of_zero_and_almost_zero_stay_numbers(temperature: float) -> None:
    extreme = np.array(
        [[1, 0, 0], [1, 1e-30, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3], [1e-30, 0, 1]]
    )
    answers = calibrated(extreme, temperature)
    assert np.isfinite(answers).all()
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-6)
    expected = softmax(np.log(np.maximum(extreme, SMALLEST)) / temperature)
    np.testing.assert_allclose(answers, expected, atol=2e-6)


def test_calibrate_many_classes_at_a_low_temperature_do_not_vanish() -> None:
    np.testing.assert_allclose(calibrated(np.full((1, 256), 1 / 256), 0.01), 1 / 256, rtol=1e-4)


def test_calibrate_temperature_one_changes_nothing() -> None:
    probabilities = softmax(np.random.default_rng(2).normal(0, 3, (100, 10))).astype(np.float32)
    np.testing.assert_allclose(calibrated(probabilities, 1.0), probabilities, atol=2e-7)


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 1, width=32), min_size=2, max_size=12).filter(any), st.floats(0.01, 100)
)
def test_calibrate_any_probabilities_the_winner_stays_the_largest(
    row: list[float], temperature: float
) -> None:
    probabilities = np.array([row], np.float32) / np.float32(sum(row))
    answers = calibrated(probabilities, temperature)
    assert answers[0, probabilities[0].argmax()] == answers[0].max()


def test_fit_temperature_finds_the_factor_that_was_put_in() -> None:
    logits, labels = honest(20_000, spread=2)
    for factor in (0.4, 1.0, 2.5):
        assert fit_temperature(softmax(logits * factor), labels) == pytest.approx(factor, rel=0.05)


def test_fit_temperature_is_the_best_of_its_neighbours() -> None:
    logits, labels = honest(500, spread=2)
    probabilities = softmax(3 * logits)
    fitted = fit_temperature(probabilities, labels)
    around = [nll(probabilities, labels, fitted * factor) for factor in (0.5, 0.99, 1, 1.01, 2)]
    assert min(around) == around[2]


def test_fit_temperature_no_mistake_leaves_the_probabilities_alone() -> None:
    assert fit_temperature(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1])) == 1.0


def test_fit_temperature_diverged_network_is_refused() -> None:
    with pytest.raises(TrainerError, match="the training diverged"):
        fit_temperature(np.array([[np.nan, 0.5]]), np.array([0]))


def test_fit_temperature_mean_of_two_networks_is_calibrated_too() -> None:
    logits, labels = honest(5_000, spread=2)
    mean = (softmax(4 * logits) + softmax(2 * logits)) / 2
    fitted = fit_temperature(mean, labels)
    assert fitted > 1.5
    assert measure(calibrated(mean, fitted), labels).ece < 0.3 * measure(mean, labels).ece


def test_fit_temperature_network_that_learnt_by_heart_becomes_less_sure_and_more_honest() -> None:
    """A dense network that learnt 200 toy digits by heart; the temperature of some others makes
    still others honest."""
    toy = toy_arrays()
    keras.utils.set_random_seed(3)
    layers = [
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
    network = keras.Sequential([keras.Input((28, 28, 1)), *layers])
    network.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    network.fit(
        as_input(tf.constant(toy["x_train"][:200])),
        toy["y_train"][:200],
        batch_size=50,
        epochs=60,
        verbose=0,
    )
    decides, others = slice(200, 800), slice(800, 1500)
    temperature = fit_temperature(
        predict(network, toy["x_train"][decides]), toy["y_train"][decides]
    )
    assert temperature > 1.2
    before = predict(network, toy["x_train"][others])
    after = calibrated(before, temperature)
    assert nll(after, toy["y_train"][others]) < 0.9 * nll(before, toy["y_train"][others])
    assert measure(after, toy["y_train"][others]).ece < measure(before, toy["y_train"][others]).ece
    np.testing.assert_array_equal(after.argmax(1), before.argmax(1))
