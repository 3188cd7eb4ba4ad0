"""What differs on a GPU, as far as a machine without one can tell."""

import pytest
import tensorflow as tf

from trainer.export.check import exact_float32
from trainer.training.distribution import choose_strategy


def test_choose_strategy_auto_takes_one_of_several_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for strategy in ("auto", "none"):
        assert not isinstance(choose_strategy(strategy, 4), tf.distribute.MirroredStrategy)
    assert isinstance(choose_strategy("mirrored", 4), tf.distribute.MirroredStrategy)


@pytest.mark.parametrize("before", [True, False])
def test_exact_float32_turns_tf32_off_and_leaves_it_as_it_was(before: bool) -> None:
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    at_first = enabled()
    tf.config.experimental.enable_tensor_float_32_execution(before)
    try:
        with pytest.raises(ValueError, match="inside"), exact_float32():
            assert not enabled()
            raise ValueError("inside")
        assert enabled() is before
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(at_first)
