"""A model server that only plays the model, with both protocols, for the tests of the client.

It speaks through the official messages and TensorFlow's own tensor encoding, so that nothing of the
client tests itself.
"""

import base64
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
import numpy as np
import tensorflow as tf
import uvicorn
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from digits.contract import (
    CLASSIFY,
    DRAWINGS,
    EXPLAIN,
    FEATURE_MAPS,
    LABELS,
    MODEL_NAME,
    Problem,
    Signature,
    signatures,
)

Official: TypeAlias = Any
"""A message of tensorflow_serving.apis, which has no types."""
Outputs: TypeAlias = dict[str, np.ndarray[Any, Any]]
VERSION = 7
GARBAGE = b"garbage"
HTTP = {
    **{
        "INVALID_ARGUMENT": 400,
        "FAILED_PRECONDITION": 400,
        "NOT_FOUND": 404,
        "RESOURCE_EXHAUSTED": 429,
    },
    "UNAUTHENTICATED": 401,
    **{"INTERNAL": 500, "UNIMPLEMENTED": 501, "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504},
}
"""Source: TensorFlow Serving's http_server.cc."""


class PlayedError(Exception):
    """A status code and text to answer with."""


@dataclass
class Play:
    """What happens behind both protocols, and what was seen there."""

    faults: list[tuple[str, str]] = field(default_factory=list)
    """Code and text that the next calls fail with, one each."""
    delay: float = 0.0
    """Seconds before each answer, unless `over` is set first."""
    over: threading.Event = field(default_factory=threading.Event)
    signatures: Mapping[str, Signature] = field(default_factory=signatures)
    versions: list[tuple[int, str, str]] = field(
        default_factory=lambda: [(VERSION, "AVAILABLE", "")]
    )
    """Number, state and error text of each version."""
    changed: Outputs = field(default_factory=dict)
    """Outputs that replace what the model would answer."""
    dropped: set[str] = field(default_factory=set)
    """Outputs left out of every answer."""
    as_content: bool = False
    """Whether gRPC answers come in `tensor_content`."""
    raw: Response | None = None
    """What REST answers to everything."""
    labels: tuple[str, ...] = LABELS
    """What `classify` calls the classes; it is answered at once, and not noted among the calls."""
    token: str = ""
    """What each call must bring in the header `authorization`."""
    calls: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    asked: list[int | None] = field(default_factory=list)
    """The version that each call asked for."""

    def enter(self, what: str, model: str, version: int | None = None) -> None:
        """Note a call, and fail or dawdle if told to."""
        self.calls.append(what)
        self.asked.append(version)
        self.over.wait(self.delay)
        if self.faults:
            raise PlayedError(*self.faults.pop(0))
        if model != MODEL_NAME:
            raise PlayedError("NOT_FOUND", f"Servable not found for request: Latest({model})")
        if version is not None and version not in [number for number, _, _ in self.versions]:
            raise PlayedError(
                "NOT_FOUND", f"Servable not found for request: Specific({model}, {version})"
            )
        if what not in {*self.signatures, "metadata", "status"}:
            raise PlayedError("FAILED_PRECONDITION", f'Serving signature key "{what}" not found.')

    def check_token(self, token: str | bytes | None) -> None:
        """Refuse a caller without the token."""
        if (token or "") != self.token:
            raise PlayedError("UNAUTHENTICATED", "no token")

    def classify(self) -> Outputs:
        """The labels, and a score of 0 for each."""
        scores = np.zeros((1, len(self.labels)), np.float32)
        return {"classes": np.array([self.labels], object), "scores": scores}

    def run(self, signature: str, inputs: np.ndarray[Any, Any]) -> Outputs:
        """The model: an image is the sum of its pixels modulo 10, a drawing the length of its file
        modulo 10."""
        self.batches.append(len(inputs))
        outputs: Outputs = {}
        images = inputs
        if signature == DRAWINGS:
            images = np.zeros((len(inputs), 28, 28), np.uint8)
            images[:, 0, 0] = [len(png) % 10 for png in inputs]
            bad = [Problem.NOT_AN_IMAGE if png == GARBAGE else Problem.NONE for png in inputs]
            outputs = {
                "images": images,
                "problem": np.array(bad, np.int32),
                "ood_score": np.zeros(len(inputs), np.float32),
            }
        if signature == EXPLAIN:
            outputs = {"saliency": images.astype(np.float32) / 255}
        if signature == FEATURE_MAPS:
            outputs = {"maps": np.broadcast_to(images[:, None, None], (len(images), 3, 12, 28, 28))}
        digit = images.astype(np.int64).sum(axis=(1, 2)) % 10
        outputs |= {
            "digit": digit,
            "probabilities": np.where(np.arange(10) == digit[:, None], 0.91, 0.01).astype(
                np.float32
            ),
        }
        return {
            name: value
            for name, value in (outputs | self.changed).items()
            if name not in self.dropped
        }

    def status(self) -> Official:
        """The official message with the state of every version."""
        answer = get_model_status_pb2.GetModelStatusResponse()
        for number, state, error in self.versions:
            entry = answer.model_version_status.add(version=number, state=state)
            entry.status.error_message = error
            entry.status.error_code = 13 if error else 0
        return answer

    def signature_map(self) -> Official:
        """The official message with every signature, and the start-up operation TensorFlow lists
        with them."""
        answer = get_model_metadata_pb2.SignatureDefMap()
        answer.signature_def["__saved_model_init_op"].outputs[
            "__saved_model_init_op"
        ].tensor_shape.unknown_rank = True
        for signature in self.signatures.values():
            entry = answer.signature_def[signature.name]
            entry.method_name = "tensorflow/serving/predict"
            for infos, tensors in (
                (entry.inputs, signature.inputs),
                (entry.outputs, signature.outputs),
            ):
                for tensor in tensors:
                    infos[tensor.name].dtype = tf.as_dtype(tensor.dtype).as_datatype_enum
                    infos[tensor.name].tensor_shape.CopyFrom(
                        tf.TensorShape(tensor.shape).as_proto()
                    )
        return answer


class Stage:
    """Where the play goes on. Servers live longer than a test; a call belongs to the play it began
    in."""

    def __init__(self) -> None:
        self.play = Play()


class Servicer(
    prediction_service_pb2_grpc.PredictionServiceServicer,  # type: ignore[misc]
    model_service_pb2_grpc.ModelServiceServicer,  # type: ignore[misc]
):
    """The gRPC protocol."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def _enter(self, what: str, request: Official, context: grpc.ServicerContext) -> Play:
        play = self.stage.play
        try:
            play.check_token(dict(context.invocation_metadata()).get("authorization"))
            if what == CLASSIFY:
                return play
            play.enter(what, request.model_spec.name, version_of(request))
        except PlayedError as fault:
            context.abort(grpc.StatusCode[fault.args[0]], fault.args[1])
        return play

    def Predict(self, request: Official, context: grpc.ServicerContext) -> Official:
        play = self._enter(request.model_spec.signature_name, request, context)
        [tensor] = request.inputs.values()
        answer = predict_pb2.PredictResponse()
        signature = request.model_spec.signature_name
        outputs = (
            play.classify()
            if signature == CLASSIFY
            else play.run(signature, tf.make_ndarray(tensor))
        )
        for name, value in outputs.items():
            proto = tf.make_tensor_proto(value)
            answer.outputs[name].CopyFrom(proto if play.as_content else spelled_out(proto))
        answer.model_spec.version.value = version_of(request) or VERSION
        return answer

    def GetModelMetadata(self, request: Official, context: grpc.ServicerContext) -> Official:
        play = self._enter("metadata", request, context)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.model_spec.version.value = VERSION
        answer.metadata["signature_def"].Pack(play.signature_map())
        return answer

    def GetModelStatus(self, request: Official, context: grpc.ServicerContext) -> Official:
        return self._enter("status", request, context).status()


def version_of(request: Official) -> int | None:
    """The version that a request asks for."""
    return int(request.model_spec.version.value) if request.model_spec.HasField("version") else None


def spelled_out(tensor: Official) -> Official:
    """The same tensor with its values in the field of their type, as TensorFlow Serving answers."""
    values = tf.make_ndarray(tensor).ravel().tolist()
    named = {
        tf.float32: "float_val",
        tf.int64: "int64_val",
        tf.int32: "int_val",
        tf.uint8: "int_val",
        tf.string: "string_val",
    }
    answer = type(tensor)(dtype=tensor.dtype, tensor_shape=tensor.tensor_shape)
    getattr(answer, named[tf.as_dtype(tensor.dtype)]).extend(values)
    return answer


def rest_app(stage: Stage) -> Starlette:
    """The REST protocol."""

    async def answer(request: Request) -> Response:
        body, play = await request.body(), stage.play
        if play.raw is not None:
            return play.raw
        path, token = request.path_params["path"], request.headers.get("authorization")
        return await run_in_threadpool(_answer_rest, play, request.method, path, body, token)

    return Starlette(routes=[Route("/v1/models/{path:path}", answer, methods=["GET", "POST"])])


def _answer_rest(play: Play, verb: str, path: str, body: bytes, token: str | None) -> Response:
    try:
        play.check_token(token)
        found = _rest_predict(play, path, body) if verb == "POST" else _rest_look(play, path)
    except PlayedError as fault:
        return Response(
            json.dumps({"error": fault.args[1]}), HTTP[fault.args[0]], media_type="application/json"
        )
    return Response(json.dumps(found), media_type="application/json")


def _rest_predict(play: Play, path: str, body: bytes) -> dict[str, Any]:
    request = json.loads(body)
    if request["signature_name"] == CLASSIFY:
        return {"outputs": {name: value.tolist() for name, value in play.classify().items()}}
    model, _, version = path.removesuffix(":predict").partition("/versions/")
    play.enter(request["signature_name"], model, int(version) if version else None)
    [values] = request["inputs"].values()
    if request["signature_name"] == DRAWINGS:
        inputs = np.array([base64.b64decode(item["b64"], validate=True) for item in values], object)
    else:
        inputs = np.array(values, np.uint8)
    return {
        "outputs": {
            name: value.tolist()
            for name, value in play.run(request["signature_name"], inputs).items()
        }
    }


def _rest_look(play: Play, path: str) -> dict[str, Any]:
    who, what = path.removesuffix("/metadata"), "metadata" if path.endswith("/metadata") else ""
    model, _, version = who.partition("/versions/")
    play.enter(what or "status", model, int(version) if version else None)
    shown = {"always_print_fields_with_no_presence": True, "preserving_proto_field_name": True}
    if what != "metadata":
        return MessageToDict(play.status(), **shown)  # type: ignore[arg-type]
    spec = {"name": model, "version": str(VERSION), "signature_name": ""}
    signatures = MessageToDict(play.signature_map(), **shown)  # type: ignore[arg-type]
    return {"model_spec": spec, "metadata": {"signature_def": signatures}}


@contextmanager
def grpc_double(
    stage: Stage, port: int = 0, credentials: grpc.ServerCredentials | None = None
) -> Iterator[str]:
    """Play over gRPC, with TLS where there are credentials; gives the address for the client."""
    server = grpc.server(
        ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", 16 << 20)]
    )
    servicer = Servicer(stage)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(servicer, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(servicer, server)
    place = f"127.0.0.1:{port}"
    port = (
        server.add_secure_port(place, credentials)
        if credentials
        else server.add_insecure_port(place)
    )
    server.start()
    yield f"grpc{'s' if credentials else ''}://127.0.0.1:{port}"
    server.stop(None).wait()


@contextmanager
def rest_double(stage: Stage, tls: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Play over REST, with TLS where uvicorn is given its settings; gives the address for the
    client."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            rest_app(stage), log_level="critical", ws="none", lifespan="off", **(tls or {})
        )
    )
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield f"{'https' if tls else 'rest'}://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()
