"""Whole numbers: which ink is which digit, and which cuts are believed."""

import io
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from digits.contract import DRAWING_MAX_PIXELS, Problem
from serving.client import Drawing, TooManyDigitsError
from serving.client.number.marks import Box
from serving.client.number.read import Number, read_number
from serving.client.number.seams import between, find_seams
from serving.client.number.segments import MAX_DIGITS, find_digits
from serving.client.number.signs import Sign

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


def ruled(pen: ImageDraw.ImageDraw) -> None:
    """Three bars on squared paper."""
    for place in range(0, 400, 25):
        pen.line((place, 0, place, 199), fill="#5068a0", width=1)
        pen.line((0, place, 399, place), fill="#5068a0", width=1)
    bars(40, 160, 290)(pen)


def test_find_digits_printed_lines_are_no_ink() -> None:
    found = boxes(picture(ruled))
    assert np.allclose(
        [(b.left, b.right) for b in found], [(40, 60), (160, 180), (290, 310)], atol=1
    )


def test_find_digits_tight_crop_has_the_paper_of_its_border() -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.ellipse((0, 0, 99, 99), fill="black")
        pen.ellipse((30, 30, 69, 69), fill="white")

    [group] = find_digits(picture(paint, size=(100, 100))).groups
    assert group.whole().box == Box(0, 0, 100, 100)
    assert group.ink[50, 50] == 0 and group.ink[50, 10] == 1


def test_find_digits_sheet_on_a_desk_is_read_by_what_is_on_it() -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.rectangle((50, 30, 349, 169), fill="#f4f4f4")
        pen.rectangle((190, 60, 209, 139), fill="black")

    assert boxes(picture(paint, paper="#3c3c3c")) == [Box(190, 60, 210, 140)]


def card(alpha: int) -> bytes:
    """A bar on a white card of this opacity, in transparency."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.ellipse((100, 0, 299, 199), fill=(255, 255, 255, alpha))
        pen.rectangle((190, 50, 209, 149), fill=(0, 0, 0, alpha))

    return picture(paint, mode="RGBA", paper=(0, 0, 0, 0))


@pytest.mark.parametrize("alpha", [255, 100])
def test_find_digits_card_in_transparency_is_read_by_its_ink(alpha: int) -> None:
    assert boxes(card(alpha)) == [Box(190, 50, 210, 150)]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_find_digits_photo_is_turned_as_its_exif_says(orientation: int) -> None:
    upright = Image.open(io.BytesIO(picture(bars(40, 160))))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpose that is undone
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    for form in ("PNG", "JPEG"):
        file = io.BytesIO()
        stored.save(file, form, exif=exif)
        found = boxes(file.getvalue())
        assert np.allclose([(b.left, b.top) for b in found], [(40, 50), (160, 50)], atol=3)


def test_find_digits_png_with_a_damaged_comment_is_read() -> None:
    content = picture(bars(40))
    comment = b"\x00\x00\x00\x04tEXta\x00bc" + b"\x00\x00\x00\x00"  # a checksum that does not fit
    assert boxes(content[:33] + comment + content[33:]) == [Box(40, 50, 60, 150)]


@pytest.mark.parametrize("sign", list(Sign))
def test_read_number_small_marks_are_named_by_their_place(sign: Sign) -> None:
    places = {
        Sign.POINT: (105, 138, 116, 149),
        Sign.COMMA: (105, 135, 115, 165),
        Sign.MINUS: (85, 95, 125, 105),
        Sign.DOT: (105, 93, 116, 104),
    }

    def paint(pen: ImageDraw.ImageDraw) -> None:
        bars(40, 160)(pen)
        pen.rectangle(places[sign], fill="black")

    reading = Reading()
    assert read_number(reading, picture(paint)).text == f"1{sign}1"
    assert reading.calls == [2]


@pytest.mark.parametrize(
    ("kind", "mark"),
    [
        ("apostrophe", (105, 55, 112, 75)),
        ("piece at the side of a digit", (64, 93, 74, 104)),
        ("dot before the number", (20, 93, 31, 104)),
        ("hair", (100, 60, 101, 140)),
        ("bar on the line", (95, 140, 120, 146)),
    ],
)
def test_read_number_marks_that_change_no_number_are_left_out(
    kind: str, mark: tuple[int, int, int, int]
) -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        bars(40, 160)(pen)
        pen.rectangle(mark, fill="black")

    assert read_number(Reading(), picture(paint)).text == "11", kind


def test_find_digits_bar_beside_a_digit_belongs_to_it() -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        bars(40, 160)(pen)
        pen.rectangle((70, 55, 99, 64), fill="black")

    found = find_digits(picture(paint))
    assert [group.whole().box for group in found.groups] == [
        Box(40, 50, 100, 150),
        Box(160, 50, 180, 150),
    ]
    assert found.signs == ()


def test_find_digits_one_beside_many_that_touch_is_no_hair() -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        for left in range(20, 320, 24):
            pen.line([(left, 50), (left, 150)], fill="black", width=4)
        for top in (50, 100, 149):
            pen.line([(20, top), (310, top)], fill="black", width=4)
        pen.line([(350, 50), (350, 150)], fill="black", width=4)

    assert len(find_digits(picture(paint)).groups) == 2


def test_find_digits_low_drawing_is_a_digit_and_no_sign() -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.line([(40, 50), (40, 150)], fill="black", width=8)
        pen.line([(110, 85), (85, 85), (85, 100), (112, 100), (112, 115), (85, 115)], "black", 6)

    assert len(find_digits(picture(paint)).groups) == 2


def test_read_number_of_several_lines_reads_none_and_tells_how_many() -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        for top in (10, 110):
            pen.rectangle((40, top, 55, top + 70), fill="black")
            pen.rectangle((140, top, 155, top + 70), fill="black")

    reading = Reading()
    number = read_number(reading, picture(paint))
    assert (number.digits, number.lines, number.looks_like_number) == ((), 2, False)
    assert reading.calls == []


def test_read_number_filled_square_is_no_number() -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.rectangle((100, 50, 199, 149), fill="black")

    assert not read_number(Reading(), picture(paint)).looks_like_number


class PairsAreOne(Reading):
    """Plays a model that takes two bars for one digit, and one bar for a digit less surely."""

    def _one(self, drawing: bytes) -> Drawing:
        read = super()._one(drawing)
        sure = np.full(10, 0.02, np.float32)
        sure[read.digit] = 0.99 if read.digit > 1 else 0.85
        return replace(read, probabilities=sure)


def test_read_number_neighbours_that_read_better_together_are_one_digit() -> None:
    near, far = picture(bars(40, 80)), picture(bars(40, 180))
    assert [read_number(PairsAreOne(), each).text for each in (near, far)] == ["2", "11"]


def test_number_probability_is_that_of_all_digits() -> None:
    number = read_number(PairsAreOne(), picture(bars(40, 180)))
    assert number.probability == pytest.approx(0.85**2)


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


def test_find_digits_cuts_of_a_wide_low_scribble_take_no_time_that_grows_with_its_square() -> None:
    row = np.full((6, 250_000 // 6), 255, np.uint8)
    row[2:4] = 0
    row[1, ::3] = 0  # every third column is thicker: ten thousand places to cut
    file = io.BytesIO()
    Image.fromarray(row).save(file, "PNG")
    begin = time.process_time()
    [group] = find_digits(file.getvalue()).groups
    found = time.process_time() - begin
    begin = time.process_time()
    assert len(group.edges()) == 42
    assert time.process_time() - begin < max(0.5, 3 * found)


def test_find_seams_goes_round_what_reaches_over_its_neighbour() -> None:
    """The left shape has a bar at its top to the right, the right one a foot to the left: every
    column between them has ink of one."""
    left, right = np.zeros((36, 18), np.float32), np.zeros((36, 18), np.float32)
    left[:, :4] = left[:3, :12] = 1
    right[8:, 14:] = right[32:, 8:] = 1
    [seam] = find_seams(left + right, reach=6, stray=6, most=1)
    assert np.array_equal(between(left + right, np.zeros_like(seam), seam), left)
    assert np.array_equal(between(left + right, seam, np.full_like(seam, 18)), right)


def test_find_seams_keeps_them_apart_and_prefers_little_ink() -> None:
    ink = np.ones((30, 60), np.float32)
    ink[:, [20, 22, 40]] = (0.1, 0.2, 0.3)
    seams = find_seams(ink, reach=6, stray=0, most=2)
    assert [set(seam.tolist()) for seam in seams] == [{20}, {40}]
    assert find_seams(ink[:, :11], reach=6, stray=3, most=2) == []
