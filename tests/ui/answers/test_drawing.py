"""What the browser may send as a drawing."""

import json

import pytest

from digits.contract import DRAWING_MAX_BYTES
from ui.answers.drawing import Sheet, decode, encode, to_sent
from ui.errors import DrawingError


@pytest.mark.parametrize("sent", [None, "", to_sent(Sheet())])
def test_decode_nothing_drawn_is_an_empty_sheet(sent: object) -> None:
    assert decode(sent) == Sheet()


@pytest.mark.parametrize(
    "sheet",
    [
        Sheet("digit", b"\x89PNG and more", "png", 3),
        Sheet("number", b"\xff\xd8JPEG", "jpg", 0),
        Sheet("compare", b"p", "png", 9),
    ],
)
def test_decode_what_was_sent_is_the_same_sheet(sheet: Sheet) -> None:
    assert decode(to_sent(sheet)) == sheet


def test_decode_largest_drawing_passes_and_one_byte_more_is_refused() -> None:
    largest = Sheet("compare", bytes(DRAWING_MAX_BYTES), "jpg", 999_999_999)
    assert decode(to_sent(largest)) == largest
    with pytest.raises(DrawingError, match="larger"):
        decode(to_sent(Sheet("digit", bytes(DRAWING_MAX_BYTES + 200), "png", 1)))


def with_picture(picture: object) -> str:
    return json.dumps({"mode": "digit", "picture": picture, "number": 1})


@pytest.mark.parametrize(
    "sent",
    [
        7,
        True,
        [],
        {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
        "http://169.254.169.254/",
        encode(b"a picture alone"),
        "[" * 100_000,
        "{}",
        json.dumps({"mode": "digit", "picture": ""}),
        json.dumps({"mode": "etc", "picture": "", "number": 1}),
        json.dumps({"mode": "digit", "picture": "", "number": -1}),
        json.dumps({"mode": "digit", "picture": "", "number": 1e300}),
        json.dumps({"mode": "digit", "picture": "", "number": "1"}),
        json.dumps({"mode": "digit", "picture": "", "number": 1, "path": "/etc/passwd"}),
        *map(
            with_picture,
            [
                7,
                None,
                {"path": "/etc/passwd"},
                "file:///etc/passwd",
                "data:image/svg+xml;base64,AAAA",
                "data:image/png;base64,AAA",
                "data:image/png;base64,A*AA",
                "data:image/png;base64,AAAA\n",
                "data:image/png;base64,\N{DIGIT ONE}é==",
            ],
        ),
    ],
)
def test_decode_anything_else_is_refused_without_repeating_it(sent: object) -> None:
    with pytest.raises(
        DrawingError, match=r"^Expected .*; received .*\. Clear it and draw again\.$"
    ) as refusal:
        decode(sent)
    assert "etc" not in str(refusal.value)
