import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.kills import FLAGS, write_data
from digits.store import versions
from trainer.errors import DeviceError
from trainer.networks.history import read_history
from trainer.training.distribution import choose_strategy

TOLERANCE = 1e-4
"""Relative. Two halves are summed in another order than the whole; float32 has 7 digits, and every
step adds its own rounding."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on: all asked for before any is given back."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def run_workers(count: int, *command: str) -> list[subprocess.CompletedProcess[str]]:
    """Run the command as workers of one training, or alone if `count` is 1."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    tasks = [
        {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        for index in range(count)
    ]
    environments = [
        {**os.environ, **({"TF_CONFIG": json.dumps(task)} if count > 1 else {})} for task in tasks
    ]
    running = [
        subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for environment in environments
    ]
    ended = []
    try:
        for process in running:
            out, err = process.communicate(timeout=500)
            ended.append(subprocess.CompletedProcess(process.args, process.returncode, out, err))
    finally:
        for process in running:
            process.kill()
    return ended


CURVE = """
import json, os, signal, sys
from pathlib import Path
import keras, numpy as np
from tests.trainer.training.test_fit import small_split
from trainer.data.augmentation import Augmentation, draw_parameters
from trainer.training.distribution import choose_strategy, is_chief
from trainer.training.fit import fit
from trainer.training.step import EpochData
from trainer.recipes import Recipe
from trainer.training.signals import Stopped
strategy = choose_strategy("auto", 0)
# Without dropout: each replica draws its own, so that there a curve depends on their number. With a
# last batch of 7.
split, labels = small_split(199), np.eye(10, dtype=np.float32)[small_split(199).y_train]
augmentation = Augmentation(rotation=10, elastic=0.5)
recipe = Recipe(
    epochs=3, batch_size=16, learning_rate=0.003, averaging=0.9, augmentation=augmentation
)
def train(folder, stop_in=None):
    keras.utils.set_random_seed(3)
    layers = keras.layers
    with strategy.scope():
        model = keras.Sequential([
            keras.Input((28, 28, 1)), layers.Conv2D(4, 5, strides=3), layers.Flatten(),
            layers.BatchNormalization(), layers.Dense(10, activation="softmax"),
        ])
        def epoch_data(epoch):
            if epoch == stop_in and (strategy.num_replicas_in_sync == 1 or not is_chief(strategy)):
                os.kill(os.getpid(), signal.SIGTERM)
            return EpochData(draw_parameters(recipe.augmentation, 199, 1, epoch), labels)
        history = fit(model, split, recipe, 3, Path(sys.argv[1]) / folder, epoch_data=epoch_data)
    return [epoch.loss for epoch in history] + [epoch.validation_loss for epoch in history]
curve = train("whole")
try:
    train("stopped", stop_in=2)
    raise SystemExit("one worker was stopped, and this one went on")
except Stopped as stopped:
    assert (stopped.exit_code, str(stopped)) == (143, "saved after 1 epochs and 10 steps"), stopped
assert np.allclose(train("stopped"), curve, rtol=1e-4), "stopped and resumed, it learned otherwise"
print(json.dumps([strategy.num_replicas_in_sync, curve]))
"""


def test_fit_two_workers_learn_as_one_does_and_stop_together(tmp_path: Path) -> None:
    (alone,) = run_workers(1, "-c", CURVE, str(tmp_path / "alone"))
    first, second = run_workers(2, "-c", CURVE, str(tmp_path / "shared"))
    for worker in (alone, first, second):
        assert worker.returncode == 0, worker.stderr[-3000:]
    (one, expected), (two, curve), other = (
        json.loads(worker.stdout.splitlines()[-1]) for worker in (alone, first, second)
    )
    assert (one, two) == (1, 2)
    assert curve == pytest.approx(expected, rel=TOLERANCE)
    assert other == [2, curve], "both workers saw the same"
    assert curve[2] < curve[0], "they learned"
    assert len(list((tmp_path / "shared" / "whole" / "tensorboard").iterdir())) == 1, (
        "one worker writes"
    )


def test_main_two_workers_train_and_the_chief_publishes(tmp_path: Path) -> None:
    data = write_data(tmp_path / "toy.npz")
    flags = [
        *FLAGS.split(),
        f"--data={data}",
        "--epochs=1",
        "--batch_size=64",
        f"--run_dir={tmp_path / 'run'}",
        f"--models={tmp_path}",
    ]
    chief, other = run_workers(2, "-m", "trainer", *flags)
    assert (chief.returncode, other.returncode) == (0, 0), (
        chief.stderr[-3000:] + other.stderr[-3000:]
    )
    assert versions(tmp_path / "digits") == [1]
    assert "published" in chief.stdout
    assert "published" not in other.stdout
    assert len(read_history(tmp_path / "run" / "conv3" / "history.json")) == 1


def test_choose_strategy_multiworker_without_workers_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(
        DeviceError, match="expected several workers in TF_CONFIG; received none or one"
    ):
        choose_strategy("multiworker", 0)
    assert choose_strategy("auto", 1).num_replicas_in_sync == 1


@pytest.mark.parametrize("value", ["{", '{"cluster": 7}'])
def test_choose_strategy_broken_cluster_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TF_CONFIG", value)
    with pytest.raises(DeviceError, match="expected JSON in TF_CONFIG"):
        choose_strategy("auto", 0)


def test_choose_strategy_none_ignores_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "TF_CONFIG",
        json.dumps({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}),
    )
    assert choose_strategy("none", 0).num_replicas_in_sync == 1
