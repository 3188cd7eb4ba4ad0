"""JSON to `tf.Example` messages: what the REST protocol's classify and regress read."""

from typing import Any, Final

from tensorflow.core.example import example_pb2, feature_pb2
from tensorflow_serving.apis import input_pb2

from serving.server.codecs.json_parser import echo
from serving.server.codecs.json_values import read_bytes, type_name
from serving.server.errors import InvalidArgumentError

_LARGEST: Final = 1 << 63


def read_examples(document: dict[str, Any], method: str) -> input_pb2.Input:
    """Read `examples` and perhaps `context`.

    Args:
        document: the body.
        method: `classify` or `regress`, for the text of an error.

    Raises:
        InvalidArgumentError: naming what does not fit.
    """
    message = input_pb2.Input()
    filled: Any = message.example_list
    if "context" in document:
        filled = message.example_list_with_context
        _fill(filled.context, document["context"])
    if "examples" not in document:
        raise _fault(
            document, f"When method is {method}, key 'examples' is expected and was not found"
        )
    listed = document["examples"]
    if not isinstance(listed, list):
        raise _fault(document, "Expecting 'examples' value to be an list/array")
    if not listed:
        raise _fault(document, "'examples' value is an empty array")
    for item in listed:
        _fill(filled.examples.add(), item)
    return message


def _fault(document: dict[str, Any], text: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"JSON Value: {echo(document)} {text}")


def _fill(example: example_pb2.Example, item: Any) -> None:
    if not isinstance(item, dict):
        raise InvalidArgumentError(f"Example must be JSON object but got JSON {type_name(item)}")
    for name, value in item.items():
        try:
            feature = example.features.feature[name]
        except (
            UnicodeEncodeError
        ) as error:  # bytes that are no UTF-8, which a value may have and a name may not
            raise InvalidArgumentError(
                "Expected names of features in UTF-8; received other bytes in one; encode it"
            ) from error
        for element in value if isinstance(value, list) else [value]:
            _add(feature, name, element)


def _add(feature: feature_pb2.Feature, name: str, element: Any) -> None:
    """Add one element; the first one decides what kind the feature is of."""
    kind, value = _read(name, element)
    chosen = feature.WhichOneof("kind") or kind
    if kind != chosen:
        raise InvalidArgumentError(
            f"Unexpected element type in feature: {name} expecting type: {_TYPE[chosen]}"
        )
    getattr(feature, kind).value.append(value)


_TYPE: Final = {"bytes_list": "string", "int64_list": "int64", "float_list": "float"}


def _read(name: str, element: Any) -> tuple[str, Any]:
    if isinstance(element, bool):
        return "int64_list", int(element)
    if isinstance(element, int):
        return (
            ("int64_list", element)
            if -_LARGEST <= element < _LARGEST
            else ("float_list", float(element))
        )
    if isinstance(element, float):
        return "float_list", element
    text = read_bytes(element)
    if text is None:
        raise InvalidArgumentError(
            f"Feature: {name} has element with unexpected JSON type: {type_name(element)}"
        )
    return "bytes_list", text
