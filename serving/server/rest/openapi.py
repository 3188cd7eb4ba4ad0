"""The REST API described for machines: OpenAPI 3.1, served at /openapi.json."""

from collections.abc import Iterator
from typing import Any, Final

from digits.contract import MODEL_NAME
from serving.server.errors import Code
from serving.server.models.model import State
from serving.server.rest.bodies import PICTURE_TYPES

Json = dict[str, Any]

_ERRORS: Final = {
    400: "the request cannot be understood or does not fit the model",
    404: "no such model, or not that version of it",
    413: "the body is too large",
    429: "too many calls at once; try again later",
    500: "a fault of the server's; its log tells more",
    501: "the type of a tensor has no JSON form",
    503: "the batch queue is full; try again later",
    504: "the time is up",
}
_OF_A_QUESTION: Final = (400, 404, 500)
"""What goes wrong where nothing is computed."""


def _object(members: Json) -> Json:
    """A schema of exactly these members."""
    return {
        "type": "object",
        "required": list(members),
        "properties": members,
        "additionalProperties": False,
    }


def _list(items: Json, **bounds: int) -> Json:
    return {"type": "array", "items": items, **bounds}


_ANY: Final[Json] = {}
_TEXT: Final[Json] = {"type": "string"}
_YES_NO: Final[Json] = {"type": "boolean"}
_NAME: Final[Json] = {"type": "string", "pattern": "^[^/:?#]+$", "minLength": 1}
_VERSION: Final[Json] = {"type": "integer", "minimum": 0, "maximum": (1 << 63) - 1}
_NUMBER_AS_TEXT: Final[Json] = {"type": "string", "pattern": "^[0-9]+$"}
_MODEL: Final[Json] = {
    "name": "model",
    "in": "path",
    "required": True,
    "schema": _NAME,
    "example": MODEL_NAME,
}
_WHO: Final[dict[str, list[Json]]] = {
    "": [],
    "/versions/{version}": [
        {"name": "version", "in": "path", "required": True, "schema": _VERSION}
    ],
    "/labels/{label}": [{"name": "label", "in": "path", "required": True, "schema": _NAME}],
}

_SIGNATURE: Final[Json] = {"signature_name": _TEXT}
_PREDICT: Final[Json] = {
    "oneOf": [
        {
            "required": ["instances"],
            "properties": {**_SIGNATURE, "instances": _list(_ANY, minItems=1)},
            "not": {"required": ["inputs"]},
        },
        {
            "required": ["inputs"],
            "properties": {**_SIGNATURE, "inputs": _ANY},
            "not": {"required": ["instances"]},
        },
    ],
    "type": "object",
}
_EXAMPLES: Final[Json] = {
    "type": "object",
    "required": ["examples"],
    "properties": {
        **_SIGNATURE,
        "context": {"type": "object"},
        "examples": _list({"type": "object"}, minItems=1),
    },
}
_BODIES: Final[dict[str, Json]] = {"predict": _PREDICT, "classify": _EXAMPLES, "regress": _EXAMPLES}

_SEVEN: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcAQAAAABaduI5AAAANklEQVR42mNgwAUY//9gYGJgYIAQDAwMFgxMUIKBgYGB4QFMlhHOYjoAk2VngI"
    "khWHwIo7ADAMlVBSTqsPYAAAAAAElFTkSuQmCC"
)
"""A PNG of a 7, in base64."""
_PICTURES: Final[Json] = {kind: {"schema": {"type": "string"}} for kind in PICTURE_TYPES}
"""A body that is one encoded picture, for the signature `drawings`."""
_SHOWN: Final[dict[str, Json]] = {
    "predict": {
        "rows": {"signature_name": "drawings", "instances": [{"b64": _SEVEN}]},
        "columns": {"signature_name": "drawings", "inputs": {"png": [{"b64": _SEVEN}]}},
    },
    "classify": {
        "drawing": {"signature_name": "classify", "examples": [{"image/encoded": {"b64": _SEVEN}}]}
    },
}
"""Bodies that a model with the contract's signatures answers. Source: digits/contract.py"""

_PREDICTED: Final[Json] = {
    "oneOf": [_object({"predictions": _list(_ANY)}), _object({"outputs": _ANY})]
}
_CLASS: Final = _list({"type": ["string", "number"]}, minItems=2, maxItems=2)
"""A class and its score."""
_ANSWERS: Final[dict[str, Json]] = {
    "predict": _PREDICTED,
    "classify": _object({"results": _list(_list(_CLASS))}),
    "regress": _object({"results": _list({"type": "number"})}),
}
_STATES: Final = _list(
    _object(
        {
            "version": _NUMBER_AS_TEXT,
            "state": {"enum": [state.name for state in State]},
            "status": _object(
                {"error_code": {"enum": [code.name for code in Code]}, "error_message": _TEXT}
            ),
        }
    )
)
_STATUS: Final = _object({"model_version_status": _STATES})
_MODELS: Final = _object(
    {"models": _list(_object({"name": _TEXT, "model_version_status": _STATES}))}
)
_METADATA: Final = _object(
    {
        "model_spec": _object({"name": _TEXT, "version": _NUMBER_AS_TEXT, "signature_name": _TEXT}),
        "metadata": _object(
            {
                "signature_def": _object(
                    {
                        "signature_def": {
                            "type": "object",
                            "additionalProperties": {"type": "object"},
                        }
                    }
                )
            }
        ),
    }
)
_READY: Final = _object(
    {"ready": _YES_NO, "models": {"type": "object", "additionalProperties": _YES_NO}}
)
_WHICH_VERSION: Final[Json] = {
    "Model-Version": {
        "required": True,
        "description": "the version that answered",
        "schema": {"type": "integer", "minimum": 1},
    }
}


def describe() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "TensorFlow Serving REST API, as the embedded server answers it",
            "version": "1",
        },
        "paths": dict(_paths()),
        "components": {"schemas": {"Error": _object({"error": _TEXT})}},
    }


def _paths() -> Iterator[tuple[str, Json]]:
    yield "/v1/models", {"get": _operation("listModels", _MODELS, ())}
    for who, parameters in _WHO.items():
        base, asked = f"/v1/models/{{model}}{who}", [_MODEL, *parameters]
        title = who.strip("/").partition("/")[0].title()
        yield base, {"get": _operation(f"status{title}", _STATUS, _OF_A_QUESTION, asked)}
        yield (
            f"{base}/metadata",
            {
                "get": _operation(
                    f"metadata{title}", _METADATA, _OF_A_QUESTION, asked, _WHICH_VERSION
                )
            },
        )
        for method, body in _BODIES.items():
            operation = _operation(
                f"{method}{title}", _ANSWERS[method], tuple(_ERRORS), asked, _WHICH_VERSION
            )
            yield (f"{base}:{method}", {"post": {**operation, "requestBody": _body(method, body)}})
    yield "/livez", {"get": _operation("livez", _object({"live": {"const": True}}), ())}
    ready = _operation("readyz", _READY, ())
    ready["responses"]["503"] = {"description": "not ready", "content": _as_json(_READY)}
    yield "/readyz", {"get": ready}
    yield (
        "/openapi.json",
        {
            "get": _operation(
                "describe", {"type": "object", "required": ["openapi", "info", "paths"]}, ()
            )
        },
    )


def _operation(
    name: str,
    answer: Json,
    errors: tuple[int, ...],
    parameters: list[Json] | None = None,
    headers: Json | None = None,
) -> Json:
    """One operation; `errors` are the statuses it may have besides 200."""
    refused = {
        str(status): {
            "description": _ERRORS[status],
            "content": _as_json({"$ref": "#/components/schemas/Error"}),
        }
        for status in errors
    }
    answered = {
        "description": "the answer",
        "content": _as_json(answer),
        **({"headers": headers} if headers else {}),
    }
    return {
        "operationId": name,
        "parameters": parameters or [],
        "responses": {"200": answered, **refused},
    }


def _body(method: str, schema: Json) -> Json:
    content = _as_json(schema) | (_PICTURES if method == "predict" else {})
    if shown := _SHOWN.get(method):
        content["application/json"]["examples"] = {
            name: {"value": value} for name, value in shown.items()
        }
    return {"required": True, "content": content}


def _as_json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
