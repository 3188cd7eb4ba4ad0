"""The drawing preprocessing: any picture in, an MNIST-like image or a problem out."""

import io
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from digits.contract import Problem
from trainer.data.dataset import DataSet
from trainer.preprocessing.drawing import normalise

Colour = str | int | tuple[int, ...]
Answer = tuple[npt.NDArray[np.uint8], list[Problem]]
_TWO = ((20, 25), (50, 8), (80, 25), (75, 45), (20, 92), (85, 92))
"""A 2 in a box of 100 x 100."""

_graph = tf.function(normalise, input_signature=[tf.TensorSpec([None], tf.string)])


def read(*drawings: bytes) -> Answer:
    images, problem = _graph(tf.constant(list(drawings), tf.string))
    return images.numpy(), [Problem(code) for code in problem.numpy()]


def read_one(drawing: bytes) -> npt.NDArray[np.int64]:
    images, problem = read(drawing)
    assert problem == [Problem.NONE]
    image: npt.NDArray[np.int64] = images[0].astype(np.int64)
    return image


def lines(
    *ends: tuple[int, int, int, int], pen: int = 4, size: tuple[int, int] = (280, 280)
) -> Image.Image:
    """Straight lines, each from (x, y) to (x, y)."""
    picture = Image.new("L", size, 255)
    for end in ends:
        ImageDraw.Draw(picture).line(end, fill=0, width=pen)
    return picture


def draw(
    size: tuple[int, int] = (280, 280),
    pen: int = 16,
    box: float = 0.6,
    *,
    centre: tuple[float, float] = (0.5, 0.5),
    ink: Colour = "black",
    paper: Colour = "white",
    mode: str = "RGB",
) -> Image.Image:
    """A two, `box` of the shorter side tall, with a round pen `pen` pixels wide."""
    picture = Image.new(mode, size, paper)
    canvas = ImageDraw.Draw(picture)
    scale = box * min(size) / 100
    points = [
        (centre[0] * size[0] + (x - 50) * scale, centre[1] * size[1] + (y - 50) * scale)
        for x, y in _TWO
    ]
    canvas.line(points, fill=ink, width=pen, joint="curve")
    for x, y in points:
        canvas.ellipse([x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2], fill=ink)
    return picture


def encode(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def difference(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> float:
    """Mean difference of two images, 0..255."""
    return float(np.abs(one - other).mean())


@pytest.fixture(scope="module")
def two() -> npt.NDArray[np.int64]:
    return read_one(encode(draw()))


def test_normalise_digit_is_twenty_pixels_long_and_centred_by_mass(
    two: npt.NDArray[np.int64],
) -> None:
    rows, columns = (np.flatnonzero((two > 64).any(axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20, 21)
    index = np.arange(28) + 0.5
    assert abs((two.sum(1) * index).sum() / two.sum() - 14.5) < 0.6
    assert abs((two.sum(0) * index).sum() / two.sum() - 14.5) < 0.6
    assert two.max() == 255


def test_normalise_picture_keeps_its_orientation(two: npt.NDArray[np.int64]) -> None:
    foot, head = two[-9:-5].sum(), two[5:9].sum()
    assert foot > 1.2 * head  # a 2 stands on its bar


@given(pen=st.integers(8, 48), x=st.floats(0.4, 0.6), y=st.floats(0.4, 0.6))
@settings(max_examples=15, deadline=None)
def test_normalise_moved_and_scaled_digit_is_nearly_the_same(
    two: npt.NDArray[np.int64], pen: int, x: float, y: float
) -> None:
    size = round(280 / 16 * pen)
    # Drawn four times too large and averaged, as a canvas smooths its strokes; Pillow's own jagged
    # ones differ by themselves.
    smooth = draw((4 * size, 4 * size), 4 * pen, centre=(x, y)).resize(
        (size, size), Image.Resampling.BOX
    )
    assert difference(read_one(encode(smooth)), two) < 4


@given(
    colours=st.tuples(*[st.integers(0, 255)] * 6).filter(
        lambda c: max(abs(c[i] - c[i + 3]) for i in range(3)) > 60
    )
)
@settings(max_examples=15, deadline=None)
@example((0, 0, 0, 255, 255, 255))
@example((255, 255, 0, 255, 255, 255))
def test_normalise_any_ink_on_any_paper_is_the_same(
    two: npt.NDArray[np.int64], colours: tuple[int, ...]
) -> None:
    assert difference(read_one(encode(draw(ink=colours[:3], paper=colours[3:]))), two) < 0.5


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(lambda: encode(draw().convert("L")), id="grey"),
        pytest.param(lambda: encode(draw().convert("1", dither=Image.Dither.NONE)), id="one bit"),
        pytest.param(lambda: encode(draw().convert("P")), id="palette"),
        pytest.param(lambda: encode(draw().quantize(2)), id="palette of one bit"),
        pytest.param(
            lambda: encode(draw().quantize(2), transparency=_paper_index(draw().quantize(2))),
            id="palette with transparent paper",
        ),
        pytest.param(
            lambda: encode(
                Image.fromarray(np.asarray(draw().convert("L")).astype(np.uint16) * 257)
            ),
            id="16 bits",
        ),
        pytest.param(
            lambda: encode(draw(mode="RGBA", ink=(0, 0, 0, 255), paper=(0, 0, 0, 0))),
            id="black on transparent black",
        ),
        pytest.param(
            lambda: encode(draw(mode="RGBA", ink=(255, 255, 255, 255), paper=(255, 255, 255, 0))),
            id="white on transparent white",
        ),
        pytest.param(
            lambda: encode(draw(mode="RGBA", ink=(0, 0, 0, 90), paper=(0, 0, 0, 0))),
            id="translucent ink",
        ),
        pytest.param(
            lambda: encode(draw(mode="RGBA", ink=(0, 0, 0, 255), paper=(255, 255, 255, 255))),
            id="opaque with alpha",
        ),
        pytest.param(
            lambda: encode(draw(mode="LA", ink=(0, 255), paper=(0, 0))), id="grey with alpha"
        ),
        pytest.param(
            lambda: encode(draw(), save_all=True, append_images=[draw(pen=30)]), id="animated"
        ),
        pytest.param(lambda: encode(draw(ink="white", paper="black")), id="bright on dark"),
    ],
)
def test_normalise_kinds_of_png_are_the_same(
    two: npt.NDArray[np.int64], encoded: Callable[[], bytes]
) -> None:
    assert difference(read_one(encoded()), two) < 0.5


def _paper_index(picture: Image.Image) -> int:
    index = picture.getpixel((0, 0))
    assert isinstance(index, int)
    return index


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_normalise_kinds_of_jpeg_are_nearly_the_same(
    two: npt.NDArray[np.int64], mode: str, progressive: bool
) -> None:
    encoded = encode(draw().convert(mode), "JPEG", quality=85, progressive=progressive)
    assert difference(read_one(encoded), two) < 5


@pytest.mark.parametrize(
    ("size", "pen", "box"),
    [
        ((1000, 800), 2, 0.8),
        ((1000, 800), 2, 0.1),
        ((280, 280), 2, 0.7),
        ((100, 100), 1, 0.8),
        ((2000, 1990), 2, 0.9),
    ],
)
def test_normalise_thin_pen_is_thickened_to_two_or_three_pixels(
    size: tuple[int, int], pen: int, box: float
) -> None:
    image = read_one(encode(draw(size, pen, box))) / 255
    stem = (
        image[:, 8:20].sum(0).min()
    )  # at least the head, the diagonal or the foot is crossed in every column
    assert image.max() == 1
    assert image.sum() > 80
    assert stem > 1.5
    assert (image > 0.5).mean() < 0.3


def test_normalise_thick_pen_keeps_its_width() -> None:
    thin, thick = (read_one(encode(draw(pen=pen))).sum() for pen in (20, 34))
    assert thick > 1.3 * thin


@pytest.mark.parametrize("speck", [1, 2, 3])
def test_normalise_specks_far_from_the_digit_do_not_count(speck: int) -> None:
    clean, dusty = draw(pen=6), draw(pen=6)
    for x, y in ((9, 12), (262, 30), (20, 255)):
        ImageDraw.Draw(dusty).rectangle([x, y, x + speck - 1, y + speck - 1], fill="black")
    assert difference(read_one(encode(dusty)), read_one(encode(clean))) < 0.5


@pytest.mark.parametrize("speck", [3, 5])
def test_normalise_specks_darker_than_a_thin_pencil_do_not_count(speck: int) -> None:
    clean, dusty = (
        draw((1000, 800), 2, 0.2, ink=(140, 140, 140), paper=(240, 240, 240)) for _ in range(2)
    )
    for x, y in ((30, 40), (931, 90), (75, 700), (500, 780)):
        ImageDraw.Draw(dusty).rectangle([x, y, x + speck - 1, y + speck - 1], fill="black")
    assert difference(read_one(encode(dusty)), read_one(encode(clean))) < 0.5


def test_normalise_blot_far_from_a_hairline_digit_does_not_count() -> None:
    clean, blotted = (draw((1000, 800), 2, 0.5) for _ in range(2))
    ImageDraw.Draw(blotted).rectangle([34, 34, 61, 61], fill="black")
    assert difference(read_one(encode(blotted)), read_one(encode(clean))) < 0.5


@pytest.mark.parametrize(("inset", "thick"), [(0, 1), (4, 2), (12, 1), (20, 3)])
@pytest.mark.parametrize("ink", ["black", (90, 90, 220)])
def test_normalise_frame_round_the_drawing_does_not_count(
    inset: int, thick: int, ink: Colour
) -> None:
    clean, framed = draw(pen=6), draw(pen=6)
    ImageDraw.Draw(framed).rectangle(
        [inset, inset, 279 - inset, 279 - inset], outline=ink, width=thick
    )
    assert difference(read_one(encode(framed)), read_one(encode(clean))) < 1


@pytest.mark.parametrize(
    "line", [((10, 12), (270, 12)), ((12, 10), (12, 270))], ids=["lying", "standing"]
)
def test_normalise_line_along_one_side_is_a_stroke_and_no_frame(
    line: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    picture = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(picture).line(line, fill=0, width=12)
    assert read_one(encode(picture)).max() == 255


def test_normalise_large_nought_that_touches_every_side_is_no_frame() -> None:
    picture, smaller = Image.new("L", (280, 280), 255), Image.new("L", (280, 280), 255)
    ImageDraw.Draw(picture).ellipse([1, 1, 278, 278], outline=0, width=24)
    ImageDraw.Draw(smaller).ellipse([70, 70, 209, 209], outline=0, width=12)
    assert difference(read_one(encode(picture)), read_one(encode(smaller))) < 3


def test_normalise_uneven_light_and_noise_is_nearly_the_same(two: npt.NDArray[np.int64]) -> None:
    down, along = np.mgrid[:280, :280] / 280 - 0.5
    paper = np.asarray(draw().convert("L")) / 255
    photo = (190 - 60 * down + 40 * along) * (0.3 + 0.7 * paper) + np.random.default_rng(1).normal(
        0, 5, (280, 280)
    )
    image = read_one(encode(Image.fromarray(photo.clip(0, 255).astype(np.uint8))))
    assert difference(image, two) < 10


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png_that_declares(width: int, height: int) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + _chunk(b"IDAT", zlib.compress(bytes(1000)))
        + _chunk(b"IEND", b"")
    )


def jpeg_that_declares(width: int, height: int) -> bytes:
    encoded = bytearray(encode(draw(), "JPEG"))
    frame = encoded.index(b"\xff\xc0")
    encoded[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(encoded)


def peak_memory() -> int:
    """The most memory that this process held since `restart_peak_memory`, KiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1])


def restart_peak_memory() -> int:
    """Let the peak begin again at what is held now, which is returned, KiB: a test before this one
    may have held more."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_memory()


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells it")
@pytest.mark.parametrize(
    "drawing",
    [
        png_that_declares(50_000, 50_000),
        png_that_declares(2**31 - 1, 2**31 - 1),
        jpeg_that_declares(50_000, 50_000),
        png_that_declares(2001, 2000),
    ],
    ids=["png", "largest png", "jpeg", "a little too large"],
)
def test_normalise_declared_size_too_large_is_told_and_costs_no_memory(drawing: bytes) -> None:
    read(encode(draw()))
    before = restart_peak_memory()
    images, problem = read(drawing)
    assert problem == [Problem.TOO_LARGE]
    assert not images.any()
    assert peak_memory() - before < 32 * 1024  # KiB


def test_normalise_four_megapixels_are_read() -> None:
    assert read_one(encode(draw((2000, 2000), pen=60))).any()


_GOOD = encode(draw())
_GOOD_JPEG = encode(draw(), "JPEG")
_NOT_IMAGES = {
    "empty": b"",
    "garbage": b"garbage",
    "zeros": bytes(100),
    "png magic": _GOOD[:8],
    "png header cut": _GOOD[:20],
    "png cut": _GOOD[: len(_GOOD) // 2],
    "png without width": png_that_declares(0, 10),
    "png too wide for the format": png_that_declares(2**32 - 1, 2**32 - 1),
    "png with one bit flipped": _GOOD[:60] + bytes([_GOOD[60] ^ 1]) + _GOOD[61:],
    "jpeg magic": b"\xff\xd8\xff",
    "jpeg cut": _GOOD_JPEG[: len(_GOOD_JPEG) // 2],
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9"/></svg>',
    "gif": encode(draw(), "GIF"),
    "bmp": encode(draw(), "BMP"),
    "webp": encode(draw(), "WEBP"),
    "tiff": encode(draw(), "TIFF"),
}


@pytest.mark.parametrize("drawing", _NOT_IMAGES.values(), ids=_NOT_IMAGES)
def test_normalise_what_is_no_image_is_told(drawing: bytes) -> None:
    images, problem = read(drawing)
    assert problem == [Problem.NOT_AN_IMAGE]
    assert not images.any()


def test_normalise_jpeg_with_endless_scans_is_refused() -> None:
    encoded = encode(draw((64, 64)), "JPEG", progressive=True)
    last, end = encoded.rindex(b"\xff\xda"), encoded.rindex(b"\xff\xd9")
    assert read(encoded)[1] == [Problem.NONE]
    assert read(encoded[:end] + encoded[last:end] * 100 + encoded[end:])[1] == [
        Problem.NOT_AN_IMAGE
    ]


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGB", (280, 280), "white"),
        Image.new("L", (280, 280), 0),
        Image.new("L", (28, 28), 128),
        Image.new("RGBA", (280, 280), (0, 0, 0, 0)),
        Image.new("RGBA", (280, 280), (255, 255, 255, 0)),
        Image.new("L", (1, 1), 0),
        Image.new("1", (9, 9), 1),
        Image.fromarray(np.random.default_rng(0).integers(240, 256, (280, 280), np.uint8)),
    ],
    ids=[
        "white",
        "black",
        "grey",
        "transparent",
        "transparent white",
        "one pixel",
        "one bit",
        "faint noise",
    ],
)
def test_normalise_picture_without_ink_is_blank(picture: Image.Image) -> None:
    images, problem = read(encode(picture))
    assert problem == [Problem.BLANK]
    assert not images.any()


@pytest.mark.parametrize(
    "picture",
    [
        draw(box=0.0001, pen=1),
        draw(box=0.0001, pen=20),
        draw((4000, 10), pen=1),
        draw((10, 4000), pen=1),
        Image.fromarray(np.eye(1, 100_000, 50, dtype=np.uint8) * 255),
        Image.fromarray(np.eye(1, 100_000, 50, dtype=np.uint8).T * 255),
        Image.fromarray(np.array([[0, 255]], np.uint8)),
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (280, 280, 4), np.uint8)),
        Image.fromarray((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)),
        lines((0, 9, 280, 9), (0, 270, 280, 270)),
        lines((0, 9, 280, 9), (0, 270, 280, 270), (9, 0, 9, 280), (270, 0, 270, 280)),
        lines(*((0, y, 280, y) for y in range(4, 280, 30))),
        lines((0, 1, 9, 1), (0, 7, 9, 7), pen=1, size=(9, 9)),
    ],
    ids=[
        *[
            "dot",
            "blob",
            "very wide",
            "very tall",
            "a line wide",
            "a line tall",
            "two pixels",
            "noise",
            "chequered",
        ],
        *["two lines", "a frame alone", "ruled paper", "two lines of pixels"],
    ],
)
def test_normalise_odd_picture_yields_an_image(picture: Image.Image) -> None:
    image = read_one(encode(picture))
    assert image.max() == 255


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from([1, 2, 3, 4]),
    seed=st.integers(0, 2**32 - 1),
    density=st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_normalise_any_pixels_yield_image_or_blank(
    height: int, width: int, channels: int, seed: int, density: float
) -> None:
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (height, width, channels), np.uint8) * (
        generator.random((height, width, 1)) < density
    )
    images, (problem,) = read(
        encode(Image.fromarray(pixels.squeeze(-1) if channels == 1 else pixels))
    )
    assert images.max() == (255 if problem is Problem.NONE else 0)
    assert problem in (Problem.NONE, Problem.BLANK)


@pytest.mark.parametrize("length", [200, 800, 3000])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_normalise_long_thin_line_is_a_one(width: int, length: int) -> None:
    image = read_one(encode(lines((10, 10, 10, length - 10), pen=width, size=(20, length))))
    upright = image > 127
    assert 19 <= upright.any(1).sum() <= 21
    assert 1 <= upright.any(0).sum() <= 3
    lying = read_one(encode(lines((10, 10, length - 10, 10), pen=width, size=(length, 20))))
    assert difference(lying, image.T) < 1


@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    boxes=st.lists(
        st.tuples(*[st.floats(0, 1)] * 4, st.integers(0, 255), st.integers(0, 12)), max_size=8
    ),
)
@settings(max_examples=100, deadline=None)
@example(size=(1, 300), boxes=[(0.0, 0.1, 0.0, 0.9, 0, 0)])
def test_normalise_any_boxes_and_lines_yield_image_or_blank(
    size: tuple[int, int], boxes: list[tuple[float, float, float, float, int, int]]
) -> None:
    picture = Image.new("L", size, 255)
    for left, top, right, bottom, ink, pen in boxes:
        (west, east), (north, south) = (
            sorted(round(place * (size[axis] - 1)) for place in ends)
            for axis, ends in enumerate(((left, right), (top, bottom)))
        )
        ImageDraw.Draw(picture).rectangle(
            [west, north, east, south], outline=ink, fill=None if pen else ink, width=max(1, pen)
        )
    images, (problem,) = read(encode(picture))
    assert images.max() == (255 if problem is Problem.NONE else 0)
    assert problem in (Problem.NONE, Problem.BLANK)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_normalise_damaged_bytes_never_fail(data: st.DataObject) -> None:
    drawing = bytearray(data.draw(st.sampled_from([_GOOD, _GOOD_JPEG])))
    for position in data.draw(st.lists(st.integers(0, len(drawing) - 1), max_size=8)):
        drawing[position] = data.draw(st.integers(0, 255))
    images, _ = read(bytes(drawing))
    assert images.shape == (1, 28, 28)


def test_normalise_bad_items_leave_their_neighbours_exactly_alone() -> None:
    good = [encode(draw(pen=pen)) for pen in (6, 12, 24)]
    images, problem = read(
        good[0], b"garbage", good[1], png_that_declares(50_000, 50_000), b"", good[2]
    )
    assert problem == [
        Problem.NONE,
        Problem.NOT_AN_IMAGE,
        Problem.NONE,
        Problem.TOO_LARGE,
        Problem.NOT_AN_IMAGE,
        Problem.NONE,
    ]
    for position, drawing in zip((0, 2, 5), good, strict=True):
        np.testing.assert_array_equal(images[position], read_one(drawing))


def test_normalise_no_drawings_yields_no_images() -> None:
    images, problem = read()
    assert images.shape == (0, 28, 28)
    assert problem == []


@pytest.mark.mnist
def test_normalise_mnist_image_stays_close_to_itself(mnist: DataSet) -> None:
    digits = mnist.x_train[:200]
    images, problem = read(*(encode(Image.fromarray(digit)) for digit in digits))
    differences = np.abs(images.astype(int) - digits).mean((1, 2))
    assert set(problem) == {Problem.NONE}
    assert np.mean(differences) < 6  # thin ones are thickened
    assert np.mean(differences < 1) > 0.4  # the others are not touched
