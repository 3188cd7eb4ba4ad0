"""Answers to predict, classify and regress over REST: from a body's document to the response."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from starlette.responses import Response

from serving.server.codecs import json_inputs, json_outputs, json_parser
from serving.server.codecs.json_examples import read_examples
from serving.server.errors import InvalidArgumentError, UnknownSignatureError
from serving.server.inference.examples import CLASSIFY, REGRESS, Task, infer
from serving.server.inference.predict import Answer, Limits, Query, predict, predict_joined
from serving.server.inference.validation import check_count
from serving.server.models.deadline import Deadline
from serving.server.models.model import Target
from serving.server.models.registry import Models
from serving.server.models.signature import Arrays, ServedSignature
from serving.server.rest.bodies import json_response
from serving.server.rest.routes import Call

_EXAMPLE_METHODS: Final = {"classify": CLASSIFY, "regress": REGRESS}


def answer_call(
    models: Models, call: Call, document: dict[str, Any], limits: Limits, deadline: Deadline
) -> Response:
    """Compute the call and write its answer.

    Raises:
        ServingError: of the kind that the call is refused with.
    """
    if call.action == "predict":
        return _predict(models, call.target, document, limits, deadline)
    return _infer(models, call, document, limits, deadline)


def _predict(
    models: Models, target: Target, document: dict[str, Any], limits: Limits, deadline: Deadline
) -> Response:
    with _naming_the_signature():
        answer = predict(models, _query(target, document, limits, deadline), limits)
    return _write(answer, document)


async def answer_joined(
    models: Models, target: Target, document: dict[str, Any], limits: Limits, deadline: Deadline
) -> Response | None:
    """Compute a predict call in an event loop; None for one that is not joined with others.

    Raises:
        ServingError: of the kind that the call is refused with.
    """
    with _naming_the_signature():
        answer = await predict_joined(models, _query(target, document, limits, deadline), limits)
    return None if answer is None else _write(answer, document)


def _query(target: Target, document: dict[str, Any], limits: Limits, deadline: Deadline) -> Query:
    return Query(
        target,
        document.get("signature_name", ""),
        lambda signature: _read_inputs(document, signature, limits.max_items),
        deadline=deadline,
    )


@contextmanager
def _naming_the_signature() -> Iterator[None]:
    try:
        yield
    except UnknownSignatureError as error:
        raise InvalidArgumentError(
            f'Serving signature name: "{error.name}" not found in signature def'
        ) from error


def _write(answer: Answer, document: dict[str, Any]) -> Response:
    if "instances" in document:
        return json_response(
            {"predictions": json_outputs.write_predictions(answer.outputs, answer.signature)},
            version=answer.version,
        )
    return json_response(
        {"outputs": json_outputs.write_columns(answer.outputs, answer.signature)},
        version=answer.version,
    )


def _infer(
    models: Models, call: Call, document: dict[str, Any], limits: Limits, deadline: Deadline
) -> Response:
    examples = read_examples(document, call.action)
    method, name = _EXAMPLE_METHODS[call.action], document.get("signature_name", "")
    task = Task(method, name, deadline)
    outcome = infer(models, call.target, task, examples, limits)
    return json_response(
        {"results": json_outputs.write_results(outcome.result)}, version=outcome.version
    )


def _read_inputs(document: dict[str, Any], signature: ServedSignature, max_items: int) -> Arrays:
    if "instances" in document and "inputs" in document:
        raise InvalidArgumentError(
            f"JSON Value: {json_parser.echo(document)} Not formatted correctly expecting only one "
            "of 'inputs' or 'instances' keys to exist "
        )
    if "instances" in document:
        rows = document["instances"]
        for spec in signature.inputs.values():  # counted first: rows are looked at one by one
            check_count(spec, len(rows) if isinstance(rows, list) else 0, max_items)
        return json_inputs.read_instances(rows, signature)
    if "inputs" in document:
        return json_inputs.read_columns(document["inputs"], signature)
    raise InvalidArgumentError("Missing 'inputs' or 'instances' key")
