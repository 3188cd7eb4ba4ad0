"""What the browser may send as a drawing."""

import pytest

from digits.contract import DRAWING_MAX_BYTES
from ui.drawing import decode, encode
from ui.errors import DrawingError


@pytest.mark.parametrize("drawing", [None, ""])
def test_decode_nothing_drawn_is_nothing(drawing: object) -> None:
    assert decode(drawing) == b""


def test_decode_what_encode_made_is_the_same_bytes() -> None:
    assert decode(encode(b"\x89PNG and more")) == b"\x89PNG and more"


def test_decode_largest_drawing_passes_and_one_byte_more_is_refused() -> None:
    largest = bytes(DRAWING_MAX_BYTES)
    assert decode(encode(largest)) == largest
    with pytest.raises(DrawingError, match="larger"):
        decode(encode(largest + b"four"))


@pytest.mark.parametrize(
    "drawing",
    [
        7,
        True,
        [],
        {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
        "http://169.254.169.254/",
        "file:///etc/passwd",
        "data:image/svg+xml;base64,AAAA",
        "data:image/png;base64,AAA",
        "data:image/png;base64,A*AA",
        "data:image/png;base64,AAAA\n",
        "data:image/png;base64,\N{DIGIT ONE}é==",
    ],
)
def test_decode_anything_else_is_refused_without_repeating_it(drawing: object) -> None:
    with pytest.raises(DrawingError, match=r"^Expected .*; received .*\. Clear it and draw again\.$") as refusal:
        decode(drawing)
    assert "etc" not in str(refusal.value)
