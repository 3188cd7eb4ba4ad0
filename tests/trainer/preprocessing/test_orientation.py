"""EXIF orientation: a picture is read as every viewer shows it."""

import io
import struct

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from digits.contract import Problem
from tests.trainer.preprocessing.test_drawing import difference, draw, encode, read, read_one
from trainer.preprocessing.orientation import read_orientation

_TAG = 0x0112
_UPRIGHT = 1
ORIENTATIONS = range(1, 9)


def tiff(orientation: int, order: str = "<", entries_before: int = 1) -> bytes:
    """EXIF data as cameras write them: some entries, then the orientation."""
    before = b"".join(
        struct.pack(order + "HHII", 0x0100 + number, 4, 1, 7) for number in range(entries_before)
    )
    entry = struct.pack(order + "HHIHH", _TAG, 3, 1, orientation, 0)
    count = struct.pack(order + "H", entries_before + 1)
    mark = b"II" if order == "<" else b"MM"
    return mark + struct.pack(order + "HI", 42, 8) + count + before + entry + bytes(4)


def with_exif(kind: str, exif: bytes) -> bytes:
    prefix = b"Exif\x00\x00" if kind == "JPEG" else b""
    return encode(draw(centre=(0.4, 0.55)), kind, exif=prefix + exif)


def shown(encoded: bytes) -> npt.NDArray[np.int64]:
    """What is read from the picture as Pillow shows it, without EXIF data."""
    return read_one(encode(ImageOps.exif_transpose(Image.open(io.BytesIO(encoded)))))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_normalise_picture_with_an_orientation_is_read_as_viewers_show_it(
    kind: str, order: str, orientation: int
) -> None:
    encoded = with_exif(kind, tiff(orientation, order))
    assert difference(read_one(encoded), shown(encoded)) < 2
    if orientation != _UPRIGHT:
        assert difference(read_one(encoded), read_one(encode(draw()))) > 10


def test_normalise_orientations_of_one_batch_do_not_mix() -> None:
    pictures = [with_exif("PNG", tiff(orientation)) for orientation in ORIENTATIONS]
    images, _ = read(*pictures)
    for image, picture in zip(images, pictures, strict=True):
        np.testing.assert_array_equal(image, read_one(picture))


@pytest.mark.parametrize(
    "exif",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"II", id="cut in the header"),
        pytest.param(tiff(6)[:12], id="cut in the directory"),
        pytest.param(b"XX" + tiff(6, ">")[2:4] + b"\x00\x00" + tiff(6)[6:], id="no byte order"),
        pytest.param(tiff(6)[:4] + b"\xff\xff\xff\xff" + tiff(6)[8:], id="directory elsewhere"),
        pytest.param(tiff(6)[:8] + b"\xff\xff" + tiff(6, entries_before=0)[10:], id="endless"),
        pytest.param(tiff(0), id="orientation 0"),
        pytest.param(tiff(9), id="orientation 9"),
        pytest.param(tiff(65_535), id="orientation 65535"),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_normalise_damaged_exif_data_never_fail(kind: str, exif: bytes) -> None:
    assert read(with_exif(kind, exif))[1] == [Problem.NONE]


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_read_orientation_value_out_of_range_is_upright(orientation: int) -> None:
    assert read_orientation(tf.constant(with_exif("JPEG", tiff(orientation)))) == _UPRIGHT


def test_read_orientation_of_a_picture_without_is_upright() -> None:
    for encoded in (encode(draw()), encode(draw(), "JPEG"), b"", b"\x89", b"garbage"):
        assert read_orientation(tf.constant(encoded)) == _UPRIGHT


def test_read_orientation_far_into_a_file_is_not_looked_for() -> None:
    encoded = with_exif("JPEG", tiff(6))
    comment = b"\xff\xfe\xff\xff" + bytes(65_533)
    assert read_orientation(tf.constant(encoded)) == 6
    assert read_orientation(tf.constant(encoded[:2] + comment * 3 + encoded[2:])) == _UPRIGHT
