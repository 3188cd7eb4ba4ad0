"""Data that is not what it seems: converted on request, read as it is meant, or refused with the
option to use; and what was taken and left out is said."""

import gzip
import struct
import warnings
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from trainer.data.dataset import DataSet, load
from trainer.data.idx import IDX_FILES
from trainer.data.pixels import Conversion
from trainer.errors import DataError

Pixels = npt.NDArray[Any]
PER_LABEL = 6


def ink(label: int) -> npt.NDArray[np.uint8]:
    """A bright stroke on dark paper, uint8 [28, 28]; its brightest pixel is 255."""
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 8 + label : 12 + label] = np.array([60, 255, 200, 90])
    return image


def arrays(change: float = 1, kind: type[np.generic] = np.uint8) -> dict[str, Pixels]:
    images = np.stack([ink(label) for label in (0, 1)] * PER_LABEL)
    classes = np.array([0, 1] * PER_LABEL, np.uint8)
    return {
        "x_train": (images * np.float64(change)).astype(kind),
        "y_train": classes,
        "x_test": (images[:4] * np.float64(change)).astype(kind),
        "y_test": classes[:4],
    }


def write_npz(folder: Path, content: dict[str, Pixels]) -> Path:
    np.savez(folder / "set.npz", **content)  # type: ignore[arg-type]
    return folder / "set.npz"


def write_folders(
    folder: Path, mode: str = "L", labels: tuple[str, ...] = ("a", "b"), ending: str = ".png"
) -> Path:
    for number, label in enumerate(labels):
        (folder / label).mkdir(parents=True)
        for copy in range(PER_LABEL):
            picture(ink(number), mode).save(folder / label / f"{copy}{ending}")
    return folder


def picture(bright: npt.NDArray[np.uint8], mode: str) -> Image.Image:
    """The same ink in another kind of file."""
    wide = bright.astype(np.uint16)
    black, white = np.zeros_like(bright), np.full_like(bright, 255)
    return {
        "L": lambda: Image.fromarray(bright),
        "RGB": lambda: Image.fromarray(np.stack([bright] * 3, axis=-1)),
        "1": lambda: Image.fromarray(bright).point(lambda value: 255 * (value > 0)).convert("1"),
        "paper": lambda: Image.fromarray(255 - bright),
        "16 bits": lambda: Image.fromarray(wide * 257),
        "black on nothing": lambda: Image.fromarray(np.stack([black] * 3 + [bright], axis=-1)),
        "white on nothing": lambda: Image.fromarray(np.stack([white, bright], axis=-1), "LA"),
        "opaque": lambda: Image.fromarray(np.stack([bright] * 3 + [white], axis=-1)),
        "colours on nothing": lambda: Image.fromarray(
            np.stack([bright, black, black, white - (bright == 0) * np.uint8(100)], axis=-1)
        ),
    }[mode]()


def read(source: Path, **conversion: Any) -> DataSet:
    return load(source, "toy", conversion=Conversion(**conversion))


@pytest.mark.parametrize("mode", ["L", "RGB", "16 bits", "black on nothing", "white on nothing"])
def test_images_of_any_kind_are_read_as_the_same_ink(tmp_path: Path, mode: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the mode in Image.fromarray
        data = read(write_folders(tmp_path / "set", mode))
    assert np.array_equal(data.x_train[0], ink(0))
    assert np.array_equal(data.x_train[-1], ink(1))


def test_image_that_is_opaque_everywhere_is_read_by_its_brightness(tmp_path: Path) -> None:
    assert np.array_equal(read(write_folders(tmp_path / "set", "opaque")).x_train[0], ink(0))


def test_image_of_16_bits_is_scaled_by_its_range(tmp_path: Path) -> None:
    folder = write_folders(tmp_path / "set", "16 bits")
    values = np.zeros((28, 28), np.uint16)
    values[0, :3] = [300, 20_000, 65_535]
    Image.fromarray(values).save(folder / "a" / "0.png")
    assert read(folder).x_train[0, 0, :4].tolist() == [1, 77, 255, 0]


def test_transparency_around_several_colours_is_refused_unless_told_what_it_means(
    tmp_path: Path,
) -> None:
    folder = write_folders(tmp_path / "set", "colours on nothing")
    with pytest.raises(DataError, match=r"in 'a/0\.png'.*--alpha=ink.*--alpha=white"):
        read(folder)
    red = np.asarray(Image.fromarray(np.stack([ink(0)] + [0 * ink(0)] * 2, axis=-1)).convert("L"))
    assert np.array_equal(read(folder, alpha="black").x_train[0], red)
    with pytest.raises(DataError, match=r"pixels are all 0|bright edge"):
        read(folder, alpha="ink")


def test_transparency_flattened_on_white_paper_needs_inverting(tmp_path: Path) -> None:
    folder = write_folders(tmp_path / "set", "black on nothing")
    with pytest.raises(DataError, match="--invert"):
        read(folder, alpha="white")
    assert np.array_equal(read(folder, alpha="white", invert=True).x_train[0], ink(0))


def test_dark_ink_on_bright_paper_is_refused_unless_inverted_or_accepted(tmp_path: Path) -> None:
    folder = write_folders(tmp_path / "set", "paper")
    with pytest.raises(DataError, match=r"bright edge in 100% of \d+ images.*--invert"):
        read(folder)
    assert np.array_equal(read(folder, invert=True).x_train[0], ink(0))
    accepted = read(folder, invert=False)
    assert np.array_equal(accepted.x_train[0], 255 - ink(0))
    assert "100.0% of them have a bright edge" in accepted.origin


def test_inverting_bright_ink_on_dark_paper_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="leave out --invert"):
        read(write_npz(tmp_path, arrays()), invert=True)


@pytest.mark.parametrize(
    ("content", "largest"),
    [
        (arrays(1 / 255), 1),
        (arrays(1 / 16), 15),
        (arrays(1 / 255, np.float32), 1),
        (arrays(257, np.uint16), 65_535),
        (arrays(16, np.int64), 4_080),
    ],
)
def test_numbers_of_another_range_are_refused_unless_it_is_told(
    tmp_path: Path, content: dict[str, Pixels], largest: int
) -> None:
    path = write_npz(tmp_path, content)
    with pytest.raises(DataError, match="--range="):
        read(path)
    scaled = read(path, largest=largest).x_train
    assert scaled.dtype == np.uint8 and scaled.max() == 255
    assert np.array_equal(scaled[0], content["x_train"][0].astype(np.float64) * 255 // largest) or (
        np.abs(scaled[0].astype(int) - ink(0)).max() <= 1
    )


def test_numbers_that_fill_a_small_range_are_taken_as_they_are_on_request(tmp_path: Path) -> None:
    path = write_npz(tmp_path, arrays(1 / 16))
    assert read(path, largest=255).x_train.max() == 15


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 1.5])
def test_numbers_outside_the_range_are_refused(tmp_path: Path, value: float) -> None:
    content = arrays(1 / 255, np.float32)
    content["x_train"][0, 0, 0] = value
    with pytest.raises(DataError, match="expected x_train as numbers from 0 to 1"):
        read(write_npz(tmp_path, content), largest=1)


def test_images_without_any_ink_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="pixels are all 0"):
        read(write_npz(tmp_path, arrays(0)))


@pytest.mark.parametrize("ending", [".PNG", ".jpg", ".jpeg", ".JPG"])
def test_images_with_other_endings_are_read(tmp_path: Path, ending: str) -> None:
    data = read(write_folders(tmp_path / "set", ending=ending))
    assert len(data.y_train) + len(data.y_test) == 2 * PER_LABEL


def test_hidden_files_and_folders_are_skipped_and_counted(tmp_path: Path) -> None:
    folder = write_folders(tmp_path / "set")
    write_folders(folder, labels=(".ipynb_checkpoints", "__MACOSX"))
    (folder / "a" / ".ipynb_checkpoints").mkdir()
    for name in ("._0.png", ".DS_Store", "Thumbs.db", "notes.txt"):
        (folder / "a" / name).write_text("not an image")
    (folder / "empty").mkdir()
    (folder / "README").write_text("")
    data = read(folder)
    assert data.labels == ("a", "b")
    assert data.origin == (
        "read 10 training and 2 test images from one folder of images a label in 'set'; left out: "
        "3 hidden folders, 1 files beside the labels' folders, 1 folders without images, "
        "3 hidden files, 1 files of other kinds"
    )


@pytest.mark.parametrize(
    ("train", "test"), [("ab", "abc"), ("abc", "ab"), ("ab", ""), ("", "ab"), ("ab", "cd")]
)
def test_labels_of_one_part_only_are_refused_with_both_lists(
    tmp_path: Path, train: str, test: str
) -> None:
    for part, labels in (("train", train), ("test", test)):
        write_folders(tmp_path / part, labels=tuple(labels))
    said = [
        f"{part} with {', '.join(labels) or 'no images'}"
        for part, labels in (("train", train), ("test", test))
    ]
    with pytest.raises(DataError, match=" and ".join(said)):
        read(tmp_path)


def write_idx(
    folder: Path, *, dotted: bool = False, ending: str = "", zipped: bool = False
) -> None:
    folder.mkdir(parents=True)
    content = arrays()
    for name, file in IDX_FILES.items():
        array = content[name]
        header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        path = folder / ((file.replace("-idx", ".idx") if dotted else file) + ending)
        data = header + array.tobytes()
        path.write_bytes(gzip.compress(data) if zipped else data)


@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw"])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"dotted": True},
        {"ending": ".gz"},
        {"ending": ".gz", "zipped": True, "dotted": True},
        {"zipped": True},
    ],
)
def test_idx_files_under_other_names_and_places_are_found(
    tmp_path: Path, place: str, how: dict[str, Any]
) -> None:
    write_idx(tmp_path / "set" / place, **how)
    data = read(tmp_path / "set")
    assert np.array_equal(data.x_train, arrays()["x_train"])
    assert "four IDX files in" in data.origin and "left out: nothing" in data.origin


def test_idx_files_in_two_places_are_refused_with_both_names(tmp_path: Path) -> None:
    write_idx(tmp_path / "MNIST" / "raw")
    write_idx(tmp_path / "FashionMNIST" / "raw")
    with pytest.raises(DataError, match="'FashionMNIST/raw', 'MNIST/raw'; give one of them"):
        read(tmp_path)


def npy(array: Pixels) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"label,pixel0,pixel1\n7,0,0\n", r"a table of text \(CSV\)"),
        (b"7;0;0;0\r\n1;0;0;0\r\n", r"a table of text \(CSV\)"),
        (struct.pack(">HBB3I", 0, 8, 3, 1, 28, 28) + bytes(784), "an IDX file"),
        (gzip.compress(b"anything", mtime=0), "a gzip file"),
        (npy(np.zeros(3)), r"a single array \(.npy\)"),
        (b"\x89PNG\r\n\x1a\n", "one PNG"),
        (b"\n<!DOCTYPE html>", "a web page"),
    ],
)
def test_file_of_another_kind_given_as_npz_is_told_what_it_is(
    tmp_path: Path, content: bytes, what: str
) -> None:
    (tmp_path / "set.npz").write_bytes(content)
    with pytest.raises(
        DataError, match=rf"expected a readable \.npz file; received 'set.npz', {what}"
    ):
        read(tmp_path / "set.npz")


def test_archive_of_other_files_names_what_it_has(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("0/a.png", b"")
    with pytest.raises(DataError, match=r"without x_train, with 0/a\.png.*unpack"):
        read(tmp_path / "set.zip")


@pytest.mark.parametrize("count", [10**12, 10**30])
def test_npz_that_promises_more_images_than_memory_holds_is_refused(
    tmp_path: Path, count: int
) -> None:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 28, 28), }}".encode()
    promise = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n"
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
        for name, array in arrays().items():
            archive.writestr(f"{name}.npy", promise if name == "x_train" else npy(array))
    with pytest.raises(DataError, match=r"expected arrays below.*for x_train in 'set\.npz'"):
        read(tmp_path / "set.npz")


@pytest.mark.parametrize("side", [10_000, 30_000, 2**31 - 1])
def test_png_that_promises_millions_of_pixels_is_refused_by_its_header(
    tmp_path: Path, side: int
) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    folder = write_folders(tmp_path / "set")
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1_000))
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    (folder / "a" / "0.png").write_bytes(bomb)
    with pytest.raises(DataError, match=r"expected 28x28 pixels; received .* in 'a/0\.png'"):
        read(folder)
