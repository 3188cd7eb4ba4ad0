"""Whole numbers: which ink is which digit, and which cuts are believed."""

import io
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from digits.contract import DRAWING_MAX_PIXELS, Problem
from serving.client import Drawing, TooManyDigitsError
from serving.client.number import Number, read_number
from serving.client.segments import MAX_DIGITS, Box, find_digits

Pen = Callable[[ImageDraw.ImageDraw], None]


def picture(
    paint: Pen,
    size: tuple[int, int] = (400, 200),
    mode: str = "RGB",
    paper: object = "white",
    form: str = "PNG",
) -> bytes:
    image = Image.new(mode, size, paper)  # type: ignore[arg-type]
    paint(ImageDraw.Draw(image))
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


def bars(*places: int, ink: object = "black", width: int = 20) -> Pen:
    """Upright bars 100 pixels tall."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for left in places:
            pen.rectangle((left, 50, left + width - 1, 149), fill=ink)  # type: ignore[arg-type]

    return paint


def boxes(content: bytes) -> list[Box]:
    return [group.whole().box for group in find_digits(content).groups]


@dataclass
class Reading:
    """Plays the model: a drawing is the number of its separate columns of ink, and unlike a digit
    if it is wide."""

    calls: list[int] = field(default_factory=list)
    widest: float = 1.0

    def read(self, drawings: Sequence[bytes]) -> list[Drawing]:
        self.calls.append(len(drawings))
        return [self._one(drawing) for drawing in drawings]

    def _one(self, drawing: bytes) -> Drawing:
        dark = np.asarray(Image.open(io.BytesIO(drawing))) < 128
        columns, rows = np.flatnonzero(dark.any(axis=0)), np.flatnonzero(dark.any(axis=1))
        wide = (columns[-1] - columns[0] + 1) / (rows[-1] - rows[0] + 1)
        digit = int(np.count_nonzero(np.diff(columns) > 1)) + 1
        probabilities = np.where(np.arange(10) == digit, 0.99, 0.001).astype(np.float32)
        score = 0.01 if wide <= self.widest else 0.99
        return Drawing(
            digit, str(digit), probabilities, 1, np.zeros((28, 28), np.uint8), Problem.NONE, score
        )


def test_find_digits_three_bars_are_three_boxes_from_left_to_right() -> None:
    assert boxes(picture(bars(300, 40, 160))) == [
        Box(40, 50, 60, 150),
        Box(160, 50, 180, 150),
        Box(300, 50, 320, 150),
    ]


def test_find_digits_large_picture_is_found_in_its_own_pixels() -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.rectangle((400, 300, 599, 899), fill="black")

    [box] = boxes(picture(paint, size=(2000, 1200)))
    assert np.allclose((box.left, box.top, box.right, box.bottom), (400, 300, 600, 900), atol=5)


@pytest.mark.parametrize(
    ("ink", "paper", "mode", "form"),
    [
        *(
            (ink, paper, "RGB", form)
            for ink, paper in (("black", "white"), ("white", "black"), ("#3050d0", "#f4efe0"))
            for form in ("PNG", "JPEG")
        ),
        (90, 200, "L", "JPEG"),
        ((0, 0, 0, 255), (0, 0, 0, 0), "RGBA", "PNG"),
        ((255, 255, 255, 255), (255, 255, 255, 0), "RGBA", "PNG"),
    ],
)
def test_find_digits_colours_do_not_matter(
    ink: object, paper: object, mode: str, form: str
) -> None:
    found = boxes(picture(bars(40, 160, ink=ink), mode=mode, paper=paper, form=form))
    assert np.allclose([(box.left, box.right) for box in found], [(40, 60), (160, 180)], atol=3)


def test_find_digits_sixteen_bits_are_scaled_not_cut_off() -> None:
    ink = np.full((200, 400), 65535, np.uint16)
    ink[50:150, 40:60] = 300  # 8-bit viewers that cut off see white here
    file = io.BytesIO()
    Image.fromarray(ink).save(file, "PNG")
    assert boxes(file.getvalue()) == [Box(40, 50, 60, 150)]


def test_find_digits_uneven_light_and_noise_are_paper() -> None:
    generator = np.random.default_rng(1)
    light = 230 - 90 * np.linspace(0, 1, 400) - 40 * np.linspace(0, 1, 200)[:, np.newaxis] ** 2
    light[50:150, 40:60] *= 0.3
    light[50:150, 300:320] *= 0.3
    file = io.BytesIO()
    Image.fromarray(
        np.clip(light + generator.normal(0, 5, light.shape), 0, 255).astype(np.uint8)
    ).save(file, "JPEG", quality=70)
    assert np.allclose(
        [(box.left, box.right) for box in boxes(file.getvalue())], [(40, 60), (300, 320)], atol=4
    )


def test_find_digits_bar_above_a_digit_belongs_to_it() -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        bars(40, 200)(pen)
        pen.rectangle((190, 20, 260, 30), fill="black")

    assert boxes(picture(paint)) == [Box(40, 50, 60, 150), Box(190, 20, 261, 150)]


def test_find_digits_specks_and_a_frame_are_no_digits() -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        bars(100, 200)(pen)
        pen.rectangle((5, 5, 394, 194), outline="black", width=3)
        for x, y in ((60, 60), (150, 100), (300, 30)):
            pen.ellipse((x, y, x + 6, y + 6), fill="black")

    assert [(box.left, box.right) for box in boxes(picture(paint))] == [(100, 120), (200, 220)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (picture(bars()), Problem.BLANK),
        (picture(bars(40, ink="#f0f0f0")), Problem.BLANK),
        (b"notes", Problem.NOT_AN_IMAGE),
        (picture(bars(40))[:300], Problem.NOT_AN_IMAGE),
        (picture(bars(), size=(4000, DRAWING_MAX_PIXELS // 4000 + 1)), Problem.TOO_LARGE),
        (picture(bars(), size=(20_000, 10_000), mode="1", paper=1), Problem.TOO_LARGE),
    ],
    ids=["blank", "faint", "no image", "cut off", "large", "bomb"],
)
def test_find_digits_without_digits_says_why(content: bytes, problem: Problem) -> None:
    segments = find_digits(content)
    assert (segments.groups, segments.problem) == ((), problem)
    assert read_number(Reading(), content).problem is problem


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (3, 3)])
def test_find_digits_smallest_pictures_are_no_trouble(size: tuple[int, int]) -> None:
    assert find_digits(picture(bars(), size=size)).problem is Problem.BLANK
    assert find_digits(picture(lambda pen: pen.point((0, 0), fill="black"), size=size)).problem in (
        Problem.BLANK,
        Problem.NONE,
    )


def test_find_digits_more_marks_than_a_number_has_are_refused() -> None:
    places = range(10, 10 + 12 * (MAX_DIGITS + 1), 12)
    with pytest.raises(
        TooManyDigitsError,
        match=f"at most {MAX_DIGITS} digits in a picture; received {MAX_DIGITS + 1} marks",
    ):
        find_digits(picture(bars(*places, width=6), size=(450, 200)))


def test_find_digits_chequered_paper_is_one_mark_and_dotted_paper_too_many() -> None:
    def png(pattern: NDArray[np.bool_]) -> bytes:
        file = io.BytesIO()
        Image.fromarray(np.where(pattern, 0, 255).astype(np.uint8)).save(file, "PNG")
        return file.getvalue()

    chequered = np.indices((480, 480)).sum(axis=0) % 4 < 2  # hangs together at its corners
    assert boxes(png(chequered)) == [Box(0, 0, 480, 480)]
    dotted = np.zeros((480, 480), bool)
    dotted[::2, ::2] = True
    with pytest.raises(TooManyDigitsError, match="received 57600 marks"):
        find_digits(png(dotted))


def test_read_number_digits_apart_are_read_in_one_call() -> None:
    reading = Reading()
    number = read_number(reading, picture(bars(300, 40, 160)))
    assert (number.text, number.looks_like_number, reading.calls) == ("111", True, [3])
    assert [digit.box.left for digit in number.digits] == [40, 160, 300]
    assert (number.width, number.height, number.problem) == (400, 200, Problem.NONE)


def joined(pen: ImageDraw.ImageDraw) -> None:
    """Two bars that a thin line joins: wider than tall."""
    bars(100, 220)(pen)
    pen.line((100, 148, 239, 148), fill="black", width=3)


def test_read_number_digits_that_touch_are_cut_where_the_model_believes_it() -> None:
    reading = Reading()
    number = read_number(reading, picture(joined))
    assert len(number.digits) == 2
    assert (number.looks_like_number, len(reading.calls)) == (True, 2)
    first, second = number.digits
    assert first.box.right <= second.box.left
    assert (first.box.left, second.box.right) == (100, 240)


def test_read_number_wide_mark_that_the_model_believes_in_stays_whole() -> None:
    assert len(read_number(Reading(widest=2.0), picture(joined)).digits) == 1


def test_read_number_part_that_is_no_digit_is_told() -> None:
    number = read_number(Reading(widest=0.0), picture(bars(40)))
    assert (number.text, number.looks_like_number) == ("1", False)


def test_number_of_nothing_is_none() -> None:
    number = Number((), 0, 0, Problem.BLANK)
    assert (number.text, number.looks_like_number) == ("", False)


def test_client_without_pillow_does_everything_else_and_says_what_a_number_needs() -> None:
    code = """if True:
        import sys
        import serving.client
        assert "PIL" not in sys.modules
        sys.modules["PIL"] = None
        try:
            serving.client.connect("grpc://127.0.0.1:9").read_number(b"picture")
        except serving.client.InvalidRequestError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert (
        done.stdout
        == "expected Pillow, which opens the picture; received no such package; install pillow\n"
    )
