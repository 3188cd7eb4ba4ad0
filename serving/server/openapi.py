"""The REST API described for machines: OpenAPI 3.1, served at /openapi.json."""

from collections.abc import Iterator
from typing import Any, Final

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
_NAME: Final = {"type": "string", "pattern": "^[^/:?#]+$", "minLength": 1}
_VERSION: Final = {"type": "integer", "minimum": 0, "maximum": (1 << 63) - 1}
_WHO: Final = {
    "": [],
    "/versions/{version}": [{"name": "version", "in": "path", "required": True, "schema": _VERSION}],
    "/labels/{label}": [{"name": "label", "in": "path", "required": True, "schema": _NAME}],
}
_MODEL: Final = {"name": "model", "in": "path", "required": True, "schema": _NAME}
_ANY: Final[Json] = {}
_PREDICT: Final = {
    "oneOf": [
        {"type": "object", "required": ["instances"], "properties": {"instances": {"type": "array", "minItems": 1}}},
        {"type": "object", "required": ["inputs"], "properties": {"inputs": _ANY}},
    ],
    "properties": {"signature_name": {"type": "string"}},
}
_EXAMPLES: Final = {
    "type": "object",
    "required": ["examples"],
    "properties": {
        "signature_name": {"type": "string"},
        "context": {"type": "object"},
        "examples": {"type": "array", "minItems": 1, "items": {"type": "object"}},
    },
}
_ANSWERS: Final = {"predict": {"predictions": {"type": "array"}, "outputs": _ANY}, "classify": {"results": {"type": "array"}}}
_STATUS: Final = {
    "type": "object",
    "required": ["model_version_status"],
    "properties": {
        "model_version_status": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["version", "state", "status"],
                "properties": {
                    "version": {"type": "string"},
                    "state": {"enum": ["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]},
                    "status": {"type": "object", "required": ["error_code", "error_message"]},
                },
            },
        }
    },
}


def describe() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "TensorFlow Serving REST API, as the embedded server answers it", "version": "1"},
        "paths": dict(_paths()),
        "components": {"schemas": {"Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}}},
    }


def _paths() -> Iterator[tuple[str, Json]]:
    yield "/v1/models", {"get": _operation("listModels", [], {"type": "object", "required": ["models"]})}
    for who, parameters in _WHO.items():
        base, asked = f"/v1/models/{{model}}{who}", [_MODEL, *parameters]
        title = who.strip("/").partition("/")[0].title()
        yield base, {"get": _operation(f"status{title}", asked, _STATUS)}
        yield f"{base}/metadata", {"get": _operation(f"metadata{title}", asked, {"type": "object", "required": ["model_spec", "metadata"]})}
        for method, body in (("predict", _PREDICT), ("classify", _EXAMPLES), ("regress", _EXAMPLES)):
            answer = {"type": "object", "properties": _ANSWERS.get(method, _ANSWERS["classify"])}
            yield f"{base}:{method}", {"post": _operation(f"{method}{title}", asked, answer, body)}
    for page in ("livez", "readyz"):
        yield f"/{page}", {"get": _operation(page, [], {"type": "object"})}


def _operation(name: str, parameters: list[Json], answer: Json, body: Json | None = None) -> Json:
    errors = {
        str(status): {"description": text, "content": _as_json({"$ref": "#/components/schemas/Error"})} for status, text in _ERRORS.items()
    }
    if name == "readyz":
        errors["503"] = {"description": "not ready", "content": _as_json(answer)}
    operation: Json = {
        "operationId": name,
        "parameters": parameters,
        "responses": {"200": {"description": "the answer", "content": _as_json(answer)}, **errors},
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _as_json(body)}
    return operation


def _as_json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
