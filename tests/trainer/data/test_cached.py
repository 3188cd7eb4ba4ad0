"""Arrays that are made once, and kept."""

from pathlib import Path

import numpy as np
import pytest

from trainer.data.cached import Made, read_or_make


class Maker:
    """Makes other arrays each time, so that one sees which were kept."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> Made:
        self.made += 1
        return {"a": np.full(3, self.made), "b": np.zeros((0, 2), np.uint8)}


def test_read_or_make_makes_once_and_keeps_types_and_shapes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, make = tmp_path / "new" / "file.npz", Maker()
    first, again = (read_or_make(path, make, "making") for _ in range(2))
    assert make.made == 1 and capsys.readouterr().out == "making\n"
    for found in (first, again):
        assert list(found) == ["a", "b"]
        assert found["a"].tolist() == [1, 1, 1]
        assert found["b"].shape == (0, 2) and found["b"].dtype == np.uint8


@pytest.mark.parametrize("content", [b"", b"x" * 99, None])
def test_read_or_make_damaged_file_is_made_again(tmp_path: Path, content: bytes | None) -> None:
    path, make = tmp_path / "file.npz", Maker()
    read_or_make(path, make, "making")
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)
    assert read_or_make(path, make, "making")["a"].tolist() == [2, 2, 2]
    assert read_or_make(path, make, "making")["a"].tolist() == [2, 2, 2]


def test_read_or_make_objects_are_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    np.savez(path, a=np.array([{}], object))
    assert read_or_make(path, Maker(), "making")["a"].tolist() == [1, 1, 1]


def test_read_or_make_place_that_cannot_be_written_is_told_and_costs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").write_text("a file where the folder is to be")
    found = read_or_make(tmp_path / "folder" / "file.npz", Maker(), "making")
    assert found["a"].tolist() == [1, 1, 1]
    assert "not kept for the next time, since it cannot be written: " in capsys.readouterr().out


def test_read_or_make_without_a_file_keeps_nothing(tmp_path: Path) -> None:
    make = Maker()
    for _ in range(2):
        read_or_make(None, make, "making")
    assert make.made == 2 and not list(tmp_path.iterdir())
