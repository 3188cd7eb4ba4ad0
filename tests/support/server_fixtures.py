"""A toy model with the contract's signatures, and both protocols of a server that serves it.

Every version has a fingerprint: the digit it always answers. So an answer tells which version gave
it.
"""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypedDict, TypeVar, Unpack

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf.message import Message
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from digits import contract
from digits.manifest import Manifest, describe_files, write_manifest
from serving.server.server import Server
from serving.server.settings import ServerSettings
from tests.support import versions

Reply = TypeVar("Reply", bound=Message)
Array = np.ndarray[Any, Any]
Json = dict[str, Any]
Export = Callable[[int], Path]
"""The SavedModel of a fingerprint."""
StartServer = Callable[..., "Protocols"]
"""Starts a server in this process; settings as keywords."""

SECONDS = 20.0
"""Longest wait for anything; a busy machine needs a part of it."""
SIGNATURES = (
    "serving_default",
    "drawings",
    "explain",
    "classify",
    "slow",
    "held",
    "positive",
    "two",
)
SLOW = 1.0
"""Seconds that a warm-up request of the signature `slow` takes."""
BLANK = np.zeros((1, 28, 28), np.uint8)


class Publish(Protocol):
    """Publishes to a folder a version with a fingerprint; gives its number."""

    def __call__(self, base: Path, fingerprint: int, warm_up_signature: str = ...) -> int: ...


class Spec(TypedDict, total=False):
    """Who is asked."""

    model: str
    version: int | None
    label: str
    signature: str


class Toy(tf.Module):  # type: ignore[misc] # TensorFlow has no types
    """Always sure of one digit; how sure depends on the image."""

    def __init__(self, fingerprint: int) -> None:
        super().__init__()
        self.bias = tf.Variable(10.0 * np.eye(10, dtype=np.float32)[fingerprint])

    def _answers(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = contract.scale(tf.reduce_mean(tf.cast(images, tf.float32), axis=2))
        probabilities = tf.nn.softmax(rows[:, 4:14] + self.bias)
        return {"probabilities": probabilities, "digit": tf.argmax(probabilities, axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8, name="images")])  # type: ignore[untyped-decorator]
    def serving_default(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._answers(images)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="png")])  # type: ignore[untyped-decorator]
    def drawings(self, png: tf.Tensor) -> dict[str, tf.Tensor]:
        problem = 1 - tf.cast(tf.strings.regex_full_match(png, "PNG.*"), tf.int32)
        size = tf.cast(tf.strings.length(png) % 256, tf.uint8)
        images = tf.tile(size[:, None, None], [1, 28, 28])
        return {**self._answers(images), "images": images, "problem": problem}

    @tf.function(input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8, name="images")])  # type: ignore[untyped-decorator]
    def explain(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {**self._answers(images), "saliency": contract.scale(tf.cast(images, tf.float32))}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])  # type: ignore[untyped-decorator]
    def classify(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = tf.tile(tf.nn.softmax(self.bias)[None], [tf.size(inputs), 1])
        return {
            "classes": tf.tile(tf.constant([contract.LABELS]), [tf.size(inputs), 1]),
            "scores": scores,
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="seconds")])  # type: ignore[untyped-decorator]
    def slow(self, seconds: tf.Tensor) -> dict[str, tf.Tensor]:
        end = tf.timestamp() + tf.cast(tf.reduce_max(seconds), tf.float64)
        (rounds,) = tf.while_loop(
            lambda _: tf.timestamp() < end,
            lambda i: (i + 1,),
            [tf.constant(0)],
            parallel_iterations=1,
        )
        return {
            "digit": tf.fill(
                tf.shape(seconds), tf.argmax(self.bias) + 0 * tf.cast(rounds, tf.int64)
            )
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="until")])  # type: ignore[untyped-decorator]
    def held(self, until: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers once there is a file `until`."""

        def absent(rounds: tf.Tensor) -> tf.Tensor:
            path = tf.strings.reduce_join(
                [until[0], tf.strings.substr(tf.strings.as_string(rounds), 0, 0)]
            )  # looked up in every round
            return tf.equal(tf.size(tf.io.matching_files(path)), 0)

        (rounds,) = tf.while_loop(
            absent, lambda i: (i + 1,), [tf.constant(0)], parallel_iterations=1
        )
        return {
            "digit": tf.fill(tf.shape(until), tf.argmax(self.bias) + 0 * tf.cast(rounds, tf.int64))
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])  # type: ignore[untyped-decorator]
    def positive(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies(
            [tf.debugging.assert_positive(x, message="every x must be above zero")]
        ):
            return {"y": tf.sqrt(x)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float32, name="x"),
            tf.TensorSpec([None, 2], tf.int64, name="pair"),
        ]
    )  # type: ignore[untyped-decorator]
    def two(self, x: tf.Tensor, pair: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "sum": x + tf.cast(tf.reduce_sum(pair, axis=1), tf.float32),
            "raw_bytes": tf.strings.as_string(pair[:, 0]),
        }


def write_warm_up(folder: Path, signature: str) -> None:
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = signature
    name, values = (
        ("seconds", np.array([SLOW], np.float32)) if signature == "slow" else ("images", BLANK)
    )
    log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    (folder / contract.EXTRA_ASSETS).mkdir()
    with tf.io.TFRecordWriter(str(folder / contract.WARMUP_FILE)) as file:
        file.write(log.SerializeToString())


def manifest_of(folder: Path) -> Manifest:
    return Manifest(
        architecture="toy",
        parameters=10,
        recipe="toy",
        config={},
        seed=0,
        data={"name": "none"},
        metrics={},
        versions={},
        code_revision="none",
        created="2026-01-01T00:00:00Z",
        files=describe_files(folder),
    )


class Toys:
    """Toy versions by fingerprint, each exported once."""

    def __init__(self, place: Path) -> None:
        """Args: place: folder for the exports."""
        self._place = place

    def export(self, fingerprint: int) -> Path:
        """The SavedModel of a fingerprint."""
        folder = self._place / str(fingerprint)
        if not folder.exists():
            toy = Toy(fingerprint)
            tf.saved_model.save(
                toy, str(folder), signatures={name: getattr(toy, name) for name in SIGNATURES}
            )
        return folder

    def publish(
        self,
        base: Path,
        fingerprint: int,
        warm_up_signature: str = "serving_default",
        last: Callable[[Path], object] = lambda _: None,
    ) -> int:
        """Publish a version with a fingerprint; gives its number. `last` may do something to it
        before it appears."""

        def write(folder: Path) -> None:
            shutil.copytree(self.export(fingerprint), folder, dirs_exist_ok=True)
            write_warm_up(folder, warm_up_signature)
            write_manifest(manifest_of(folder), folder)

        return versions.publish(base, write, last=last).number


class Protocols:
    """Both protocols of one server."""

    def __init__(self, grpc_port: int, rest_port: int) -> None:
        self.channel = grpc.insecure_channel(
            f"127.0.0.1:{grpc_port}", options=[("grpc.max_send_message_length", -1)]
        )
        self.rest = httpx.Client(base_url=f"http://127.0.0.1:{rest_port}", timeout=SECONDS)

    def call(
        self, method: str, request: Message, reply: type[Reply], service: str = "PredictionService"
    ) -> Reply:
        """One gRPC call by the method's name."""
        path = f"/tensorflow.serving.{service}/{method}"
        call = self.channel.unary_unary(path, type(request).SerializeToString, reply.FromString)
        answer: Reply = call(request, timeout=SECONDS, wait_for_ready=True)
        return answer

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        return self.call("Predict", request, predict_pb2.PredictResponse)

    def post(self, body: Json | bytes, path: str = "/v1/models/digits:predict") -> httpx.Response:
        if isinstance(body, bytes):
            return self.rest.post(path, content=body)
        return self.rest.post(path, json=body)

    def states(self) -> dict[int, tuple[str, str]]:
        """State and error text of every version, by number."""
        listed = self.rest.get("/v1/models/digits").json().get("model_version_status", [])
        return {int(v["version"]): (v["state"], v["status"]["error_message"]) for v in listed}

    def wait_for(self, number: int, state: str) -> str:
        """Wait until a version is in a state; its error text."""
        until = time.monotonic() + SECONDS
        while self.states().get(number, ("", ""))[0] != state:
            assert time.monotonic() < until, f"version {number} is not {state}: {self.states()}"
            time.sleep(0.02)
        return self.states()[number][1]

    def close(self) -> None:
        self.channel.close()
        self.rest.close()


def ask(
    inputs: Mapping[str, Array], *, output_filter: Sequence[str] = (), **spec: Unpack[Spec]
) -> predict_pb2.PredictRequest:
    """Build a Predict request from arrays."""
    request = predict_pb2.PredictRequest(output_filter=output_filter)
    request.model_spec.name = spec.get("model", "digits")
    request.model_spec.signature_name = spec.get("signature", "")
    if (version := spec.get("version")) is not None:
        request.model_spec.version.value = version
    if label := spec.get("label"):
        request.model_spec.version_label = label
    for name, array in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return request


def fault_of(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    """Code and text of a gRPC call that must fail."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details() or ""


def wait_until_ready(program: subprocess.Popen[str]) -> list[str]:
    """The log up to the line that says the protocols are open."""
    assert program.stderr is not None
    lines = []
    for line in program.stderr:
        lines.append(line.strip())
        if " ready: " in line:
            return lines
    raise AssertionError(f"the program ended: {lines}")


@contextmanager
def start_protocols(**settings: object) -> Iterator[Protocols]:
    """A server in this process, settings as keywords with ports among them; drained at the end."""
    read = ServerSettings.model_validate(settings)
    server = Server(read)
    server.load()
    server.start()
    protocols = Protocols(read.port, read.rest_api_port)
    try:
        yield protocols
    finally:
        protocols.close()
        server.drain(5)
