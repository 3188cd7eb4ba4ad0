from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.saved_values import IDENTITY, Value, progress, values
from trainer.errors import OutputError, ResumeError
from trainer.training import checkpoint
from trainer.training.checkpoint import Progress


def restored(folder: Path, identity: Mapping[str, Any] = IDENTITY) -> tuple[Progress, list[float]]:
    variables = values(0, 0)
    done = checkpoint.restore(folder, variables, identity)
    return done, variables["network"][0].numpy().tolist()


def test_restore_nothing_saved_is_no_progress(tmp_path: Path) -> None:
    assert restored(tmp_path) == (Progress(), [0, 0])


@pytest.mark.parametrize("loss", [0.1 + 0.2, float("inf"), 1e300])
def test_restore_gives_back_the_values_and_the_progress(tmp_path: Path, loss: float) -> None:
    checkpoint.save(tmp_path, values(1, 2), progress(3, 7, loss), IDENTITY)
    assert restored(tmp_path) == (progress(3, 7, loss), [1, 2])


def test_restore_gives_back_every_variable_of_a_network(tmp_path: Path) -> None:
    def network(seed: int) -> dict[str, list[keras.Variable]]:
        keras.utils.set_random_seed(seed)
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
        )
        optimizer = keras.optimizers.Adam()
        optimizer.build(model.trainable_variables)
        model(np.ones((seed, 4)), training=True)  # moves the dropout's seed on
        optimizer.apply(
            [keras.ops.ones_like(v) for v in model.trainable_variables], model.trainable_variables
        )
        return {"network": model.variables, "optimizer": optimizer.variables}

    def numbers(variables: dict[str, list[keras.Variable]]) -> list[list[float]]:
        return [
            np.ravel(variable.numpy()).tolist() for part in variables.values() for variable in part
        ]

    saved, other = network(1), network(2)
    assert numbers(other) != numbers(saved)
    checkpoint.save(tmp_path, saved, progress(1), IDENTITY)
    assert checkpoint.restore(tmp_path, other, IDENTITY) == progress(1)
    assert numbers(other) == numbers(saved)


def test_restore_takes_the_newest_by_epoch_and_step(tmp_path: Path) -> None:
    for number, done in enumerate([progress(1), progress(1, 90), progress(1, 100)]):
        checkpoint.save(tmp_path, values(number, 0), done, IDENTITY)
        assert restored(tmp_path) == (done, [number, 0])
    checkpoint.save(tmp_path, values(9, 9), progress(2), IDENTITY)
    assert restored(tmp_path) == (progress(2), [9, 9])


def test_save_keeps_the_last_two_and_sweeps_what_a_kill_left(tmp_path: Path) -> None:
    (tmp_path / ".epoch-00001-step-0000000.checkpoint-abcdefgh.unsynced").write_text("half")
    for epochs in (1, 2, 3):
        checkpoint.save(tmp_path, values(1), progress(epochs), IDENTITY)
    names = ["epoch-00002-step-0000000.checkpoint", "epoch-00003-step-0000000.checkpoint"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A folder with two checkpoints, and the content of the newest."""
    folder = tmp_path_factory.mktemp("two")
    for epochs in (1, 2):
        checkpoint.save(folder, values(epochs, epochs), progress(epochs), IDENTITY)
    return folder, max(folder.iterdir()).read_bytes()


SIZE = 4_000
"""Beyond the end of these small checkpoints: places are taken modulo their length."""


@settings(max_examples=1_000, deadline=None)
@given(
    kind=st.sampled_from(["cut", "flip", "zero", "empty", "double", "insert"]),
    place=st.integers(0, SIZE),
    length=st.integers(1, SIZE),
    bit=st.integers(0, 7),
)
def test_restore_damaged_newest_is_never_taken(
    two: tuple[Path, bytes], kind: str, place: int, length: int, bit: int
) -> None:
    folder, whole = two
    place %= len(whole)
    damaged = {
        "cut": whole[:place],
        "flip": whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :],
        "zero": whole[:place] + bytes(min(length, len(whole) - place)) + whole[place + length :],
        "empty": b"",
        "double": whole + whole[: place + 1],
        "insert": whole[:place] + bytes(length) + whole[place:],
    }[kind]
    max(folder.iterdir()).write_bytes(damaged)
    expected = (progress(2), [2, 2]) if damaged == whole else (progress(1), [1, 1])
    assert restored(folder) == expected


def test_restore_damaged_newest_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for epochs in (1, 2):
        checkpoint.save(tmp_path, values(epochs), progress(epochs), IDENTITY)
    max(tmp_path.iterdir()).write_bytes(b"")
    assert checkpoint.restore(tmp_path, values(0), IDENTITY) == progress(1)
    assert (
        "epoch-00002-step-0000000.checkpoint is damaged and left aside; going on from the one "
        "before" in caplog.text
    )
    min(tmp_path.iterdir()).write_bytes(b"x")
    assert checkpoint.restore(tmp_path, values(0), IDENTITY) == Progress()
    assert "no checkpoint is whole; the training begins anew" in caplog.text


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"seed": 2}, "seed 1 there, 2 here"),
        ({"data": {"x_train": "8" * 64}}, f"data {{'x_train': '{'7' * 64}'}} there"),
        ({"learning_rate": 0.01}, "learning_rate 0.001 there, 0.01 here"),
        ({"teachers": "abc"}, "teachers None there, 'abc' here"),
    ],
)
def test_restore_checkpoint_of_another_run_is_refused_with_the_difference(
    tmp_path: Path, change: dict[str, object], difference: str
) -> None:
    checkpoint.save(tmp_path, values(1), progress(1), IDENTITY)
    variables = values(0)
    with pytest.raises(ResumeError) as refusal:
        checkpoint.restore(tmp_path, variables, {**IDENTITY, **change})
    assert difference in str(refusal.value)
    assert variables["network"][0].numpy() == [0], "nothing was touched"


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (values(1, 2), "network/000 (1,) there, (2,) here"),
        ({**values(1), "average": [Value(1)]}, "average/000 None there, (1,) here"),
        ({"network": values(1)["network"]}, "optimizer/000 (1,) there, None here"),
    ],
)
def test_restore_checkpoint_of_another_network_is_refused(
    tmp_path: Path, other: dict[str, list[Value]], difference: str
) -> None:
    checkpoint.save(tmp_path, values(1), progress(1), IDENTITY)
    with pytest.raises(ResumeError) as refusal:
        checkpoint.restore(tmp_path, other, IDENTITY)
    assert difference in str(refusal.value)


def test_save_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="expected a run folder that can be written"):
        checkpoint.save(tmp_path / "file", values(1), progress(1), IDENTITY)
