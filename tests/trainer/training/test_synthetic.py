"""Synthetic handwriting among the training images: drawn once, kept, and only there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.toy_digits import toy_arrays
from trainer.data.split import Split
from trainer.errors import ResumeError
from trainer.training.run_folder import bind_added
from trainer.training.synthetic import add_drawings, add_forms


@pytest.fixture(scope="module")
def parts() -> Split:
    toy = toy_arrays()
    return Split(toy["x_train"][:50], toy["y_train"][:50], toy["x_test"][:9], toy["y_test"][:9])


def test_add_forms_puts_them_behind_the_training_images_alone(parts: Split, tmp_path: Path) -> None:
    more = add_forms(parts, 20, tmp_path)
    assert (len(more.x_train), len(more.y_train), more.added) == (70, 70, 20)
    assert np.array_equal(more.x_train[:50], parts.x_train)
    assert list(more.y_train[50:]) == [*range(10)] * 2
    assert more.x_validation is parts.x_validation


def test_add_forms_none_changes_nothing(parts: Split, tmp_path: Path) -> None:
    assert add_forms(parts, 0, tmp_path) is parts
    assert not list(tmp_path.iterdir())


def test_add_forms_again_reads_what_was_drawn(
    parts: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again = add_forms(parts, 10, tmp_path), add_forms(parts, 10, tmp_path)
    assert np.array_equal(first.x_train, again.x_train)
    assert capsys.readouterr().out.count("drawing 10") == 1


def test_add_drawings_of_other_images_are_drawn_anew(parts: Split, tmp_path: Path) -> None:
    others = replace(parts, x_train=parts.x_train[::-1], y_train=parts.y_train[::-1])
    first, second = add_drawings(parts, 5, tmp_path), add_drawings(others, 5, tmp_path)
    assert np.array_equal(add_drawings(parts, 5, tmp_path).x_train, first.x_train)
    assert not np.array_equal(first.x_train[50:], second.x_train[50:])
    assert (first.added, len(list(tmp_path.iterdir()))) == (5, 2)


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty"])
def test_add_forms_damaged_file_is_drawn_again(parts: Split, tmp_path: Path, damage: str) -> None:
    first = add_forms(parts, 10, tmp_path)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    file.write_bytes({"cut": content[:-30], "garbage": b"x" * 99, "empty": b""}[damage])
    assert np.array_equal(add_forms(parts, 10, tmp_path).x_train, first.x_train)


def test_bind_added_other_images_in_the_same_folder_are_refused(
    parts: Split, tmp_path: Path
) -> None:
    more = add_forms(parts, 10, tmp_path / "forms")
    bind_added(tmp_path, more)
    bind_added(tmp_path, more)
    with pytest.raises(ResumeError, match="expected the added images"):
        bind_added(tmp_path, more.add(more.x_train[-1:], more.y_train[-1:]))
    bind_added(tmp_path / "none", parts)
