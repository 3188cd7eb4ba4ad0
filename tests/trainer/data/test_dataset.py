import gzip
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.support.toy_digits import toy_arrays, write_toy_file
from trainer.data.arrays import LARGEST_ARRAY
from trainer.data.dataset import MNIST_DIGESTS, DataSet, load
from trainer.data.idx import IDX_FILES
from trainer.data.split import split
from trainer.errors import DataError

Arrays = dict[str, npt.NDArray[np.uint8]]


@pytest.fixture(scope="session")
def arrays() -> Arrays:
    return toy_arrays()


def write_npz(folder: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    np.savez(folder / "toy.npz", **arrays)  # type: ignore[arg-type]


def write_idx(folder: Path, arrays: Arrays, *, zipped: bool = False) -> None:
    for name, file in IDX_FILES.items():
        array = arrays[name]
        content = (
            struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
        )
        path = folder / (f"{file}.gz" if zipped else file)
        path.write_bytes(gzip.compress(content) if zipped else content)


def write_pngs(folder: Path, images: npt.NDArray[np.uint8], names: list[str]) -> None:
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / name / f"{number:05}.png")


def assert_same(loaded: object, arrays: Arrays) -> None:
    for name, array in arrays.items():
        assert np.array_equal(getattr(loaded, name), array), name


def test_load_npz_of_another_name_has_its_own_labels(tmp_path: Path, arrays: Arrays) -> None:
    data = load(write_toy_file(tmp_path / "toy.npz"), name="toy", labels=tuple("abcdefghij"))
    assert_same(data, arrays)
    assert data.labels == tuple("abcdefghij")
    assert data.digests.keys() == arrays.keys()


@pytest.mark.parametrize("zipped", [False, True])
def test_load_idx_folder_is_the_same_set(tmp_path: Path, arrays: Arrays, zipped: bool) -> None:
    write_idx(tmp_path, arrays, zipped=zipped)
    assert_same(load(tmp_path, name="toy"), arrays)


def test_load_png_folder_takes_the_folders_names_as_labels(tmp_path: Path, arrays: Arrays) -> None:
    names = [["one", "two"][number % 2] for number in range(24)]
    write_pngs(tmp_path, arrays["x_train"][:24], names)
    data = load(tmp_path, name="words")
    assert data.labels == ("one", "two")
    assert (len(data.y_train), len(data.y_test)) == (20, 4)
    assert np.array_equal(data.x_train[0], arrays["x_train"][0])


def test_load_png_folder_with_train_and_test_keeps_them_apart(
    tmp_path: Path, arrays: Arrays
) -> None:
    write_pngs(tmp_path / "train", arrays["x_train"][:6], ["a", "b"] * 3)
    write_pngs(tmp_path / "test", arrays["x_test"][:2], ["a", "b"])
    data = load(tmp_path, name="words")
    assert (len(data.y_train), len(data.y_test)) == (6, 2)
    assert np.array_equal(data.x_test, arrays["x_test"][:2])


def test_load_toy_called_mnist_is_refused_by_its_content(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"x_train with SHA-256 {MNIST_DIGESTS['x_train'][:12]}"):
        load(write_toy_file(tmp_path / "mnist.npz"))


def test_load_from_the_cache_checks_content_too(tmp_path: Path) -> None:
    write_toy_file(tmp_path / "mnist.npz")
    with pytest.raises(DataError, match="SHA-256"):
        load(None, cache=tmp_path)


def test_load_other_set_without_a_source_is_refused() -> None:
    with pytest.raises(DataError, match="set DIGITS_DATA or --data"):
        load(None, name="toy")


def test_load_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="which is not there"):
        load(tmp_path / "none.npz")


def test_load_empty_folder_names_all_three_layouts(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"an \.npz file, the four IDX files, or one folder of PNGs"
    ):
        load(tmp_path, name="toy")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"not a zip", bytes(range(64))])
def test_load_broken_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "toy.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"expected a readable \.npz file"):
        load(tmp_path / "toy.npz", name="toy")


def test_load_cut_npz_is_refused(tmp_path: Path) -> None:
    path = write_toy_file(tmp_path / "toy.npz")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(DataError, match="readable"):
        load(path, name="toy")


def test_load_encrypted_npz_is_refused(tmp_path: Path, arrays: Arrays) -> None:
    write_npz(tmp_path, arrays)
    file = tmp_path / "toy.npz"
    content = bytearray(file.read_bytes())
    for head, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := content.find(head, place + 1)) >= 0:
            content[place + flags] |= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"readable .npz file; received 'toy.npz': .*encrypted"):
        load(file, name="toy")


def test_load_npz_without_an_array_names_it(tmp_path: Path, arrays: Arrays) -> None:
    write_npz(tmp_path, {name: array for name, array in arrays.items() if name != "y_test"})
    with pytest.raises(DataError, match="y_test"):
        load(tmp_path / "toy.npz", name="toy")


def test_load_pickled_npz_is_never_unpickled(tmp_path: Path, arrays: Arrays) -> None:
    write_npz(tmp_path, arrays | {"y_test": np.array([{}], object)})
    with pytest.raises(DataError):
        load(tmp_path / "toy.npz", name="toy")


def test_load_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = write_toy_file(tmp_path / "toy.npz")
    content = bytearray(path.read_bytes())
    entry = content.index(
        b"PK\x01\x02"
    )  # the directory's first entry; its unpacked size stands 24 bytes on
    content[entry + 24 : entry + 28] = struct.pack("<I", LARGEST_ARRAY + 1)
    path.write_bytes(content)
    with pytest.raises(DataError, match="expected arrays below"):
        load(path, name="toy")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"x_train": np.zeros((1500, 20, 20), np.uint8)}, r"expected x_train as \[n, 28, 28\]"),
        ({"y_train": np.zeros(7, np.uint8)}, "one label an image in y_train"),
        ({"y_test": np.full(297, 300)}, "y_test as integers 0..255"),
        ({"x_test": np.zeros((297, 28, 28), np.float32)}, "x_test as integers"),
    ],
)
def test_load_arrays_of_another_shape_or_kind_are_refused(
    tmp_path: Path, arrays: Arrays, change: Arrays, complaint: str
) -> None:
    write_npz(tmp_path, arrays | change)
    with pytest.raises(DataError, match=complaint):
        load(tmp_path / "toy.npz", name="toy")


def test_load_more_classes_than_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="received class 9"):
        load(write_toy_file(tmp_path / "toy.npz"), name="toy", labels=("a", "b"))


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda content: content[:100], "received"),
        (lambda content: b"\x00\x00\x0d" + content[3:], "other magic bytes"),
        (lambda content: content[:4] + b"\xff\xff\xff\xff" + content[8:], "declaring"),
        (lambda content: content + b"more", "more"),
        (lambda content: content[:2], "readable IDX file"),
    ],
)
def test_load_damaged_idx_is_refused(
    tmp_path: Path, arrays: Arrays, damage: object, complaint: str
) -> None:
    write_idx(tmp_path, arrays)
    path = tmp_path / IDX_FILES["x_train"]
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataError, match=complaint):
        load(tmp_path, name="toy")


def test_load_cut_gzip_is_refused(tmp_path: Path, arrays: Arrays) -> None:
    write_idx(tmp_path, arrays, zipped=True)
    path = tmp_path / f"{IDX_FILES['x_train']}.gz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match="readable IDX file"):
        load(tmp_path, name="toy")


def test_load_idx_folder_without_one_file_names_it(tmp_path: Path, arrays: Arrays) -> None:
    write_idx(tmp_path, arrays)
    (tmp_path / IDX_FILES["y_test"]).unlink()
    with pytest.raises(DataError, match=IDX_FILES["y_test"]):
        load(tmp_path, name="toy")


def test_load_png_of_another_size_is_named(tmp_path: Path) -> None:
    write_pngs(tmp_path, np.zeros((2, 10, 10), np.uint8), ["a", "b"])
    with pytest.raises(DataError, match=r"received 10x10 in 'a/00000\.png'"):
        load(tmp_path, name="toy")


def test_load_unreadable_png_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").write_bytes(b"\x89PNG cut")
    with pytest.raises(DataError, match=r"a/x\.png"):
        load(tmp_path, name="toy")


def test_split_is_stratified_seeded_and_disjoint(tmp_path: Path) -> None:
    data = load(write_toy_file(tmp_path / "toy.npz"), name="toy")
    first, again, other = (split(data, 300, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.x_validation, again.x_validation)
    assert not np.array_equal(first.x_validation, other.x_validation)
    assert len(first.y_train) + len(first.y_validation) == len(data.y_train)
    shares = np.bincount(first.y_validation) / 300 - np.bincount(data.y_train) / len(data.y_train)
    assert np.abs(shares).max() < 1 / 300
    together = np.concatenate([first.x_train, first.x_validation]).reshape(len(data.y_train), -1)
    assert np.array_equal(
        np.unique(together, axis=0), np.unique(data.x_train.reshape(len(data.y_train), -1), axis=0)
    )


def test_split_more_than_there_is_is_refused(tmp_path: Path) -> None:
    data = load(write_toy_file(tmp_path / "toy.npz"), name="toy")
    with pytest.raises(DataError, match="lower --validation_size"):
        split(data, 1500, 1)


@pytest.mark.mnist
def test_load_mnist_is_recognised_by_content(mnist: DataSet) -> None:
    assert mnist.digests == MNIST_DIGESTS
    assert (mnist.x_train.shape, mnist.x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
