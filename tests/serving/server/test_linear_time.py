"""Every reader of a stranger's bytes takes time in proportion to their number, whatever they are.

Processor time of this thread is compared at two sizes, so that other work on the machine does not
count; linear is a factor of 8 for eight times the size, quadratic one of 64.
"""

import gc
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import pytest

from digits.contract import DRAWING_MAX_BYTES
from serving.server.codecs.json_parser import echo
from serving.server.errors import plain
from serving.server.rest.routes import read_path
from serving.server.settings import ServerSettings
from tests.serving.server.fuzz import targets

Read = Callable[[bytes], object]
Make = Callable[[int], bytes]

STEP: Final = 8
GREATEST_GROWTH: Final = 4 * STEP
BEGIN: Final = 4 << 10
FAST: Final = 64 << 10
LARGEST: Final[dict[str, int]] = {
    "json": ServerSettings.model_fields["rest_max_body_bytes"].default,
    "text": 1 << 20,
    "pictures": DRAWING_MAX_BYTES,
    "page": DRAWING_MAX_BYTES,
    "paths": 64 << 10,
    "errors": 1 << 20,
}
"""Bytes of the longest input by reader; of a path, what the HTTP server takes."""
NOISE: Final = 0.05
"""Seconds of which nothing is concluded."""
TRIES: Final = 3


@pytest.fixture(autouse=True, scope="module")
def _no_collection() -> Iterator[None]:
    """A full garbage collection takes as long as TensorFlow's modules are large."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def fill(head: bytes, unit: bytes, tail: bytes = b"") -> Make:
    """Documents of one unit, again and again."""
    return lambda size: head + unit * ((size - len(head) - len(tail)) // len(unit)) + tail


def distinct_keys(size: int) -> bytes:
    return b'{"instances":[{' + b",".join(b'"%x":1' % i for i in range(size // 10)) + b"}]}"


JSON: Final[dict[str, Make]] = {
    "unterminated_string_of_escapes": fill(b'[Inf,"', b'\\"'),
    "unterminated_string_after_a_number_too_big": fill(b'[1e400,"', b'\\"'),
    "unterminated_strings": fill(b"[Inf,", b'"'),
    "backslashes": fill(b'[Inf,"', b"\\"),
    "infinities": fill(b"[", b"Inf,", b"Inf]"),
    "infinities_in_strings": fill(b"[", b'"Inf",', b"Inf]"),
    "open_lists": fill(b"", b"["),
    "open_objects": fill(b"", b'{"a":'),
    "brackets_in_a_string": fill(b'["', b"[", b'"] ['),
    "empty_lists": fill(b"[", b"[],", b"[] x"),
    "empty_objects": fill(b"[", b"{},", b"{}]"),
    "lists_and_strings_of_brackets": fill(b"[", b'"[",[],', b"[] x"),
    "long_integer": fill(b'{"instances":[', b"9", b"]}"),
    "long_fraction": fill(b'{"instances":[0.', b"9", b"]}"),
    "long_exponent": fill(b'{"instances":[1e', b"9", b"]}"),
    "long_negative_exponent": fill(b'{"instances":[1e-', b"9", b"]}"),
    "exponents_and_one_too_big": fill(b"[", b"1e1,", b"1e400]"),
    "one_too_big_after_its_like_in_strings": fill(b"[", b'"1e400",', b"1e400]"),
    "longest_safe_integers": fill(b"[", b"9" * 308 + b",", b"1]"),
    "duplicate_keys": fill(b'{"instances":[1],', b'"a":1,', b'"a":2}'),
    "distinct_keys": distinct_keys,
    "long_key": fill(b'{"instances":[{"', b"k", b'":1}]}'),
    "first_halves_of_pairs": fill(b'["', b"\\ud800", b'"]'),
    "second_halves_of_pairs": fill(b'["', b"\\udc00", b'"]'),
    "pairs": fill(b'{"instances":["', b"\\ud83d\\ude00", b'"]}'),
    "pairs_and_half_of_one": fill(b'["', b"\\ud83d\\ude00", b'\\ud800"]'),
    "escaped_backslashes": fill(b'["\\u0041', b"\\\\", b'"]'),
    "blanks": fill(b"", b" "),
    "blanks_in_a_refused_string": fill(b'{"instances":"', b" ", b'"}'),
    "brackets_in_a_refused_string": fill(b'{"instances":"', b"[ ", b'"}'),
    "line_breaks": fill(b"[", b"\n", b"x"),
    "bytes_that_are_no_utf8": fill(b'["', b"\xff", b'" x]'),
    "base64": fill(b'{"instances":[{"b64":"', b"A", b'"}]}'),
    "base64_of_line_breaks": fill(b'{"instances":[{"b64":"', b"\\n", b'"}]}'),
    "rows": fill(b'{"instances":[', b"1,", b'"a"]}'),
    "columns": fill(b'{"inputs":[', b"1,", b'"a"]}'),
    "ragged_columns": fill(b'{"inputs":[', b"[1],", b"[1,2]]}"),
    "words": fill(b'{"inputs":[', b'"ab",', b"1]}"),
    "named_rows": fill(b'{"instances":[', b'{"x":1},', b'{"y":1}]}'),
    "examples": fill(b'{"examples":[', b'{"x":1},', b'{"y":{}}]}'),
    "values_of_a_feature": fill(b'{"examples":[{"x":[', b"1,", b'"a"]}]}'),
}
TEXT: Final[dict[str, Make]] = {
    "open_messages": fill(b"", b"model_config_list { "),
    "open_string": fill(b'model_config_list { config { name: "', b"\\n"),
    "escapes": fill(b'model_config_list { config { name: "', b"\\001", b'" } }'),
    "adjacent_strings": fill(b"model_config_list { config { name: ", b'"a" ', b" } }"),
    "comments": fill(b"", b"# x\n"),
    "one_comment": fill(b"#", b"#"),
    "blanks": fill(b"", b" "),
    "line_breaks": fill(b"", b"\n"),
    "long_number": fill(b"max_batch_size { value: ", b"9", b" }"),
    "numbers": fill(b"", b"allowed_batch_sizes: 1 "),
    "list_of_numbers": fill(b"allowed_batch_sizes: [", b"1,", b"1]"),
    "models": fill(b"model_config_list { ", b'config { name: "a" base_path: "/b" } ', b"}"),
    "long_name": fill(b"", b"a"),
    "nothing_but_letters_and_dots": fill(b"", b"a."),
}
PICTURES: Final[dict[str, Make]] = {
    "nothing_but_the_signature": fill(b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n"),
    "empty_chunks": fill(
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU",
        b"\x00\x00\x00\x00IDAT" + zlib.crc32(b"IDAT").to_bytes(4, "big"),
    ),
    "texts": fill(
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU",
        b"\x00\x00\x00\x02tEXta\x00" + zlib.crc32(b"tEXta\x00").to_bytes(4, "big"),
    ),
    "jpeg_fill": fill(b"\xff\xd8", b"\xff"),
    "jpeg_markers": fill(b"\xff\xd8", b"\xff\xfe\x00\x02"),
    "jpeg_tables": fill(b"\xff\xd8", b"\xff\xdb\x00\x43\x00" + bytes(64)),
}
PAGE: Final[dict[str, Make]] = {
    "escapes": fill(b'{"mode":"digit","number":1,"picture":"', b'\\"'),
    "open": fill(b"", b"["),
    "picture": fill(b'{"mode":"digit","number":1,"picture":"data:image/png;base64,', b"A", b'"}'),
    "long_number": fill(b'{"mode":"digit","picture":"","number":', b"9", b"}"),
    "keys": fill(b'{"mode":"digit",', b'"a":1,', b'"a":1}'),
}
PATHS: Final[dict[str, Make]] = {
    "digits": fill(b"/v1/models/m/versions/", b"9", b":predict"),
    "zeros": fill(b"/v1/models/m/versions/", b"0", b"1:predict"),
    "name": fill(b"/v1/models/", b"m", b":predict"),
    "slashes": fill(b"/v1/models", b"/"),
    "colons": fill(b"/v1/models/m", b":predict"),
    "labels": fill(b"/v1/models/m", b"/labels/a", b":predict"),
    "escapes": fill(b"/v1/models/", b"%41", b":predict"),
    "broken_escapes": fill(b"/v1/models/", b"%", b":predict"),
    "host": fill(b"http://", b"h"),
    "questions": fill(b"/v1/models/m:predict", b"?"),
}
ERRORS: Final[dict[str, Make]] = {
    "word": fill(b"", b"a"),
    "blanks": fill(b"", b" "),
    "slashes": fill(b"", b"/"),
    "words_with_slashes": fill(b"", b"a/b)"),
    "brackets": fill(b"", b"[ "),
}


def read_route(path: bytes) -> None:
    targets.rest(path + b"\n{}")


READERS: Final[dict[str, tuple[Read, dict[str, Make]]]] = {
    "json": (lambda body: targets.rest(b"/\n" + body), JSON),
    "text": (targets.files, TEXT),
    "pictures": (targets.pictures, PICTURES),
    "page": (targets.page, PAGE),
    "paths": (read_route, PATHS),
    "errors": (lambda text: plain(text.decode()), ERRORS),
}
CASES: Final = [
    pytest.param(read, make, LARGEST[reader], id=f"{reader}-{shape}")
    for reader, (read, shapes) in READERS.items()
    for shape, make in shapes.items()
]


def seconds(read: Read, content: bytes) -> float:
    began = time.thread_time()
    read(content)
    return time.thread_time() - began


def check_growth(read: Read, make: Make, limit: int) -> None:
    """Double the size up to the limit; the first size that takes too long beside an eighth of it
    fails, before larger ones would."""
    taken: dict[int, float] = {}
    size = BEGIN
    while size <= limit:
        measure = partial(seconds, read, make(size))
        taken[size] = measure()
        most = GREATEST_GROWTH * max(taken.get(size // STEP, 0.0), NOISE / STEP)
        for _ in range(TRIES):
            if taken[size] > max(most, NOISE):
                taken[size] = measure()
        assert taken[size] <= max(most, NOISE), taken
        size *= 2


@pytest.mark.parametrize(("read", "make", "largest"), CASES)
def test_reader_is_linear(read: Read, make: Make, largest: int) -> None:
    check_growth(read, make, min(FAST, largest))


@pytest.mark.slow
@pytest.mark.parametrize(("read", "make", "largest"), CASES)
def test_reader_is_linear_up_to_the_largest_input(read: Read, make: Make, largest: int) -> None:
    check_growth(read, make, largest)


def test_quadratic_reader_is_found() -> None:
    def quadratic(content: bytes) -> None:
        for position in range(0, len(content), 8):
            content[position:].count(b"xy")

    with pytest.raises(AssertionError):
        check_growth(quadratic, fill(b"", b"x"), 1 << 20)


def test_version_of_a_path_is_bounded_however_it_is_written() -> None:
    assert read_path("GET", f"/v1/models/m/versions/{'0' * 5000}7").target.version == 7


def test_echo_of_blanks_is_cut() -> None:
    assert len(echo(" " * 100_000)) < 300
