"""The REST protocol's JSON: how it is read where Python would read it otherwise, and how arrays
become JSON."""

import math
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.framework import types_pb2

from serving.server.codecs import json_inputs, json_outputs, json_values
from serving.server.codecs.json_parser import echo, parse
from serving.server.errors import InvalidArgumentError, ServingError, UnimplementedError
from serving.server.models.dtypes import BY_NUMBER, DType
from serving.server.models.signature import ServedSignature, TensorSpec

FLOAT, UINT8 = BY_NUMBER[types_pb2.DT_FLOAT], BY_NUMBER[types_pb2.DT_UINT8]
INT64, STRING, BOOL = (
    BY_NUMBER[types_pb2.DT_INT64],
    BY_NUMBER[types_pb2.DT_STRING],
    BY_NUMBER[types_pb2.DT_BOOL],
)
HALF = BY_NUMBER[types_pb2.DT_HALF]

READ_OTHERWISE = {
    "trailing_garbage": (b'{"a": 1} x', {"a": 1}),
    "trailing_nul": (b"[1]\0xyz", [1]),
    "first_of_equal_names": (b'{"a": 1, "b": 2, "a": 3}', {"a": 1, "b": 2}),
    "infinities": (b"[Infinity, -Infinity, Inf, -Inf]", [math.inf, -math.inf, math.inf, -math.inf]),
    "inf_in_a_string": (b'["Inf", "\\"Inf", Inf]', ["Inf", '"Inf', math.inf]),
    "byte_order_mark": (b"\xef\xbb\xbf[1]", [1]),
    "blanks_first": (b" \n\t[1]", [1]),
    "bytes_that_are_no_utf8": (b'["\xff\xfe"]', ["\udcff\udcfe"]),
    "exponent": (b"[1E2]", [100.0]),
    "brackets_in_strings": (b'["' + b"[" * 100 + b'\\"["]', ["[" * 100 + '"[']),
    "depth_32": (b"[" * 32 + b"]" * 32, None),
}

REFUSED = {
    "empty": (b"", "The document is empty"),
    "blank": (b"   ", "The document is empty. at offset: 3"),
    "word": (b"hello", "Invalid value. at offset: 0"),
    "no_name": (b"{", "Missing a name for object member. at offset: 1"),
    "single_quotes": (b"{'a': 1}", "Missing a name for object member. at offset: 1"),
    "comma_last_in_list": (b"[1, 2, ]", "Invalid value. at offset: 7"),
    "comma_last_in_object": (b'{"a": 1, }', "Missing a name for object member. at offset: 9"),
    "no_colon": (b'{"a" 1}', "Missing a colon after a name of object member."),
    "no_comma_in_list": (b"[1 2]", "Missing a comma or ']' after an array element."),
    "no_comma_in_object": (b'{"a": [1] 2}', "Missing a comma or '}' after an object member."),
    "cut": (b'{"instances": [1.0', "Missing a comma or ']' after an array element. at offset: 18"),
    "leading_zero": (b"[01]", "Missing a comma or ']' after an array element. at offset: 2"),
    "open_string": (b'["a', "Missing a closing quotation mark in string."),
    "too_big": (b"[1e400]", "Number too big to be stored in double."),
    "too_many_digits": (b"[" + b"9" * 5000 + b"]", "Number too big to be stored in double."),
    "utf16": ('{"a": 1}'.encode("utf-16"), "Invalid value. at offset: 0"),
    "depth_33": (b"[" * 33 + b"]" * 33, "deeper than 32"),
    "depth_half_a_million": (b'{"a":' * 500_000, "deeper than 32"),
    "depth_behind_an_escape": (b'["\\\\", ' + b"[" * 40, "deeper than 32"),
}


@pytest.mark.parametrize(("body", "value"), READ_OTHERWISE.values(), ids=READ_OTHERWISE)
def test_parse_reads_as_tensorflow_serving_does(body: bytes, value: object) -> None:
    assert parse(body) == value or value is None


@pytest.mark.parametrize(("body", "words"), REFUSED.values(), ids=REFUSED)
def test_parse_refuses_with_the_same_words(body: bytes, words: str) -> None:
    with pytest.raises(InvalidArgumentError) as error:
        parse(body)
    assert words in error.value.text
    assert error.value.text.startswith("JSON Parse error: ")


@given(
    st.binary(max_size=40)
    | st.text(alphabet='[]{}":,\\0123456789eE.+-Infat ', max_size=40).map(str.encode)
)
def test_parse_of_any_bytes_gives_a_value_or_invalid_argument(body: bytes) -> None:
    with suppress(InvalidArgumentError):
        parse(body)


def spec(name: str, dtype: DType, *shape: int | None) -> TensorSpec:
    return TensorSpec(name, dtype, shape)


def signature(*inputs: TensorSpec) -> ServedSignature:
    return ServedSignature("s", {each.name: each for each in inputs}, {})


X = signature(spec("x", FLOAT, None))
TEXT = signature(spec("text", STRING, None))
TWO = signature(spec("count", INT64, None), spec("vector", FLOAT, None, 2))

ROWS = {
    "plain": (X, [1, 2.5], {"x": [1.0, 2.5]}),
    "named": (X, [{"x": 1}, {"x": 2}], {"x": [1.0, 2.0]}),
    "two": (TWO, [{"vector": [1, 2], "count": 3}], {"vector": [[1.0, 2.0]], "count": [3]}),
    "base64": (TEXT, [{"b64": "aGVsbG8="}], {"text": [b"hello"]}),
    "base64_in_lines": (TEXT, [{"b64": "aGVs\nbG8="}], {"text": [b"hello"]}),
    "base64_in_words": (TEXT, [{"b64": " aG\tVs\vbG\f8="}], {"text": [b"hello"]}),
    "base64_unpadded": (TEXT, [{"b64": "aGVsbG8"}], {"text": [b"hello"]}),
    "base64_unpadded_by_two": (TEXT, [{"b64": "aGVsbA"}], {"text": [b"hell"]}),
    "base64_padded_by_dots": (TEXT, [{"b64": "aGVsbA.."}], {"text": [b"hell"]}),
    "base64_empty": (TEXT, [{"b64": ""}], {"text": [b""]}),
    "base64_named": (TEXT, [{"text": {"b64": "/wD+"}}], {"text": [b"\xff\x00\xfe"]}),
    "plain_text": (TEXT, ["\u00e4", ""], {"text": ["ä".encode(), b""]}),
    "too_large_for_float": (X, [1e39], {"x": [math.inf]}),
}

FIRST = "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
BAD_ROWS = {
    "null": (X, None, "Expecting 'instances' to be an list/array"),
    "number": (X, 1, "Expecting 'instances' to be an list/array"),
    "empty": (X, [], "No values in 'instances' array"),
    "list_in_named": (X, [{"x": 1}, 2], "Expecting object but got list at item 1 of input list"),
    "object_in_plain": (
        X,
        [1, {"x": 2}],
        "Expecting value/list but got object at item 1 of input list",
    ),
    "plain_for_two": (TWO, [1], "expecting list of objects as multiple input tensors required"),
    "key_missing": (TWO, [{"count": 1}], "keys must be equal to: count,vector"),
    "key_unknown": (
        TWO,
        [{"count": 1, "kount": 1}],
        "element: 0 key: kount of 'instances' list. Error: INVALID_ARGUMENT",
    ),
    "ragged_items": (
        X,
        [[1, 2], [3]],
        "element: 1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2 but "
        "got: 1",
    ),
    "ragged_depth": (X, [1, [2]], "Expecting shape [] but got: [1]"),
    "ragged_inside": (
        X,
        [[[1, 2], [3]]],
        FIRST + "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
    ),
    "string": (X, ["1.5"], FIRST + 'JSON Value: "1.5" Type: String is not of expected type: float'),
    "null_item": (X, [None], FIRST + "JSON Value: null Type: Null is not of expected type: float"),
    "true": (X, [True], FIRST + "JSON Value: true Type: True is not of expected type: float"),
    "base64_for_float": (X, [{"b64": "AAAA"}], "Type: Object is not of expected type: float"),
    "base64_urlsafe": (TEXT, [{"b64": "YT8_PmI-"}], FIRST + "Unable to base64 decode"),
    "base64_bad": (TEXT, [{"b64": "!!!!"}], FIRST + "Unable to base64 decode"),
    "base64_half_padded": (TEXT, [{"b64": "aGVsbA="}], FIRST + "Unable to base64 decode"),
    "base64_overpadded": (TEXT, [{"b64": "aGVsbG8=="}], FIRST + "Unable to base64 decode"),
    "base64_padded_amid": (TEXT, [{"b64": "aGV=bG8="}], FIRST + "Unable to base64 decode"),
    "base64_padding_alone": (TEXT, [{"b64": "="}], FIRST + "Unable to base64 decode"),
    "base64_cut": (TEXT, [{"b64": "aGVsb"}], FIRST + "Unable to base64 decode"),
    "lone_surrogate": (TEXT, ["\ud800"], "surrogate pair in string is invalid"),
    "second_named_value": (
        TWO,
        [{"vector": [1, 2], "count": 3.0}],
        "key: count of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: 3.0",
    ),
}


@pytest.mark.parametrize(("wanted", "instances", "values"), ROWS.values(), ids=ROWS)
def test_rows_become_tensors(
    wanted: ServedSignature, instances: object, values: dict[str, Any]
) -> None:
    arrays = json_inputs.read_instances(instances, wanted)
    assert {name: array.tolist() for name, array in arrays.items()} == values
    assert all(array.dtype == wanted.inputs[name].dtype.numpy for name, array in arrays.items())


@pytest.mark.parametrize(("wanted", "instances", "words"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_bad_rows_are_named(wanted: ServedSignature, instances: object, words: str) -> None:
    with pytest.raises(InvalidArgumentError) as error:
        json_inputs.read_instances(instances, wanted)
    assert words in error.value.text


def test_columns_ignore_extra_names_and_miss_missing_ones() -> None:
    assert json_inputs.read_columns({"x": [1], "z": 2}, X)["x"].tolist() == [1.0]
    with pytest.raises(
        InvalidArgumentError, match="Missing named input: vector in 'inputs' object"
    ):
        json_inputs.read_columns({"count": [1]}, TWO)


def test_empty_column_is_an_empty_batch_of_the_items_shape() -> None:
    images = signature(spec("images", UINT8, None, 28, 28))
    assert json_inputs.read_columns([], images)["images"].shape == (0, 28, 28)


@pytest.mark.parametrize("value", [256, -1, 1.0, 1e3, True, "7", 2**70])
def test_what_is_no_uint8_is_refused_not_wrapped(value: object) -> None:
    with pytest.raises(InvalidArgumentError, match="is not of expected type: uint8"):
        json_values.read_value([value], UINT8)


def test_type_that_json_cannot_carry_is_unimplemented() -> None:
    with pytest.raises(UnimplementedError, match="to type: half"):
        json_values.read_value([0.5], HALF)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda s: st.lists(s, max_size=4),
        max_leaves=20,
    )
)
def test_any_value_is_read_or_refused(value: object) -> None:
    for dtype in (FLOAT, UINT8, INT64, STRING, BOOL, HALF):
        try:
            json_values.read_value(value, dtype)
        except ServingError as error:
            assert error.text


def test_answers_of_one_output_are_bare_and_of_several_are_objects() -> None:
    one = ServedSignature("s", {}, {"y": spec("y", FLOAT, None)})
    assert json_outputs.write_predictions({"y": np.array([0.1, 2], np.float32)}, one) == [
        0.100000001,
        2.0,
    ]
    two = ServedSignature(
        "s", {}, {"y": spec("y", FLOAT, None), "z_bytes": spec("z_bytes", STRING, None)}
    )
    outputs = {"y": np.array([0.5], np.float32), "z_bytes": np.array([b"\xff"], object)}
    assert json_outputs.write_predictions(outputs, two) == [{"y": 0.5, "z_bytes": {"b64": "/w=="}}]
    assert json_outputs.write_columns(outputs, two) == {"y": [0.5], "z_bytes": [{"b64": "/w=="}]}


def test_output_without_batch_axis_has_no_row_form() -> None:
    total = ServedSignature("s", {}, {"sum": spec("sum", FLOAT)})
    with pytest.raises(InvalidArgumentError, match="Tensor name: sum has no shape information"):
        json_outputs.write_predictions({"sum": np.array(3, np.float32)}, total)


def test_echo_of_a_large_document_is_short() -> None:
    assert len(echo({"instances": [[0.5] * 1000] * 1000})) < 300
