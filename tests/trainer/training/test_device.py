"""What is written while TensorFlow looks for GPUs."""

import os

import pytest

from trainer.training.device import errors_without


def test_line_that_is_not_wanted_is_left_out_and_the_others_follow(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with errors_without(b"cuInit"):
        os.write(2, b"E failed call to cuInit: no driver\nE something else\n")
        assert capfd.readouterr().err == ""
    os.write(2, b"later cuInit\n")
    assert capfd.readouterr().err == "E something else\nlater cuInit\n"


def test_lines_follow_where_the_look_for_gpus_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="no"), errors_without(b"cuInit"):
        os.write(2, b"E why\n")
        raise RuntimeError("no")
    assert capfd.readouterr().err == "E why\n"
